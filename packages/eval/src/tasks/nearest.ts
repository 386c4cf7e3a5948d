import { closest, distance } from 'fastest-levenshtein'

/** `; did you mean x?` where a known name is near, else an empty text. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (known.length === 0) return ''
  const best = closest(name, known)
  return distance(name, best) <= Math.max(2, name.length / 2) ? `; did you mean ${best}?` : ''
}
