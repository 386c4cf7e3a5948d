import { closest, distance } from 'fastest-levenshtein'

/** The known name that a misspelt one was probably meant to be; none if all share next to nothing with it. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const best = closest(name, known)
  return distance(name, best) <= Math.max(2, name.length / 2) ? best : undefined
}
