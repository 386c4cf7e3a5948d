import { StemkitError } from '@stemkit/spec/errors'
import { expectedRows } from './step-probabilities.ts'

export interface HitRateOptions {
  /** Rows that the cache holds. */
  readonly slots: number
  /**
   * `lru`: Che's approximation. `lfu`: a cache that knows how often each row is used, keeps those used most and lets the
   * rest pass through; what W-TinyLFU and LFU come close to.
   */
  readonly policy: 'lru' | 'lfu'
}

/**
 * The share of the rows needed by a step that a cache holds already, once it is warm. Steps are taken to be independent
 * of each other, as those of a shuffled text are.
 * @param probabilities that a step needs a row [rows]; see `batchProbabilities` and `tokenProbabilities`
 * @throws bad-input for a cache too small for an average step, all of whose rows it has to hold at once
 */
export function expectedHitRate(probabilities: Float64Array, { slots, policy }: HitRateOptions): number {
  const used = probabilities.filter((p) => p > 0).toSorted((a, b) => b - a)
  const rows = expectedRows(used)
  if (slots < rows) {
    throw new StemkitError('bad-input', `a cache of ${slots} rows, but a step needs ${Math.ceil(rows)} at once`)
  }
  if (slots >= used.length) return 1
  return (policy === 'lru' ? hitsOfRecent(used, slots) : hitsOfFrequent(used, slots)) / rows
}

/**
 * An LRU cache holds the rows of the last so many steps, as many as fill it: a row needed with probability p each step is
 * there with probability 1 - (1 - p)^steps.
 */
function hitsOfRecent(used: Float64Array, slots: number): number {
  const sum = (steps: number, weight: (p: number) => number): number =>
    used.reduce((total, p) => total + weight(p) * (1 - (1 - p) ** steps), 0)
  const held = (steps: number): number => sum(steps, () => 1)
  let [low, high] = [0, 1]
  while (held(high) < slots) [low, high] = [high, 2 * high]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (held(middle) < slots) low = middle
    else high = middle
  }
  return sum(high, (p) => p)
}

/**
 * The first rows stay, as many as leave room for the others of a step, which take turns in the slots that are left and are
 * hits only if the step before needed them too. Room for a part of a row counts as that part of it.
 */
function hitsOfFrequent(used: Float64Array, slots: number): number {
  let free = slots - expectedRows(used)
  let hits = 0
  for (const p of used) {
    // A row that stays takes its slot at all times, not only when it is needed.
    const kept = p === 1 ? 1 : Math.min(1, free / (1 - p))
    free -= kept * (1 - p)
    hits += kept * p + (1 - kept) * p * p
  }
  return hits
}
