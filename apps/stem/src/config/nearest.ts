import { closest, distance } from 'fastest-levenshtein'

/** The known name that a misspelt one was probably meant to be; none if it shares next to nothing with any. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const best = closest(name, known)
  return distance(name, best) <= Math.max(2, name.length / 2) ? best : undefined
}
