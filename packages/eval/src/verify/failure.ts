import type { Mismatch } from './compare.ts'

/** The mismatch that an error is. Records come from elsewhere: whatever one lacks must not keep the others from being verified. */
export const failure = (at: string, error: unknown): Mismatch => ({
  at,
  expected: 'a record that can be built',
  actual: error instanceof Error ? error.message : String(error),
})
