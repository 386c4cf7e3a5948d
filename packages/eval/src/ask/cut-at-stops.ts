import { lstrip } from '../python/text.ts'

/**
 * What counts of a generated text: what follows the last end of the model's thinking, up to the first of each stop in turn.
 * Empty stops are ignored.
 */
export function cutAtStops(text: string, stops: readonly string[], thinkEnd?: string): string {
  const spoken = thinkEnd ? lstrip(text.split(thinkEnd).at(-1) ?? '') : text
  return stops.filter((stop) => stop !== '').reduce((left, stop) => left.split(stop, 1)[0] ?? '', spoken)
}
