import type { RowOptions } from '@stemkit/spec/row-driver'
import { smallestBudget } from '../cache/cache-memory.ts'
import { lru } from '../cache/lru.ts'
import { createRowCache } from '../cache/row-cache.ts'
import { wTinyLfu } from '../cache/w-tiny-lfu.ts'
import { measureCache, type CacheMeasurement } from './measure-cache.ts'

export interface ReplayCacheOptions extends RowOptions {
  /** Rows of the table. */
  readonly rows: number
  /** Rows that the cache holds; the largest step has to fit. */
  readonly slots: number
  /** Default: `w-tiny-lfu`, that of a store. */
  readonly policy?: 'lru' | 'w-tiny-lfu'
}

/** Rows without content, as small as there are. */
const ROW_BYTES = 4

/**
 * What a cache of so many rows does with steps (sorted, unique rows) that change theirs, the first half of them to warm it:
 * runs them through the cache itself, over rows that hold nothing.
 *
 * A formula of the rows' probabilities (Che's for LRU, the most used rows for LFU) is cheaper, and promises more than any
 * cache keeps: it takes those probabilities to be known, where a policy has to find them out from the steps it saw.
 * @throws bad-input where a step does not fit
 */
export async function replayCache(
  steps: readonly Uint32Array[],
  { rows, slots, policy: name = 'w-tiny-lfu', signal }: ReplayCacheOptions,
): Promise<CacheMeasurement> {
  // A policy's own memory differs: each gets what holds exactly so many rows.
  const policy = name === 'lru' ? lru : wTinyLfu
  const budget = smallestBudget({ rowBytes: ROW_BYTES, stride: ROW_BYTES, policy, budget: 0 }, slots)
  const nothing = async (): Promise<void> => {}
  const cache = createRowCache({
    source: { rows, rowBytes: ROW_BYTES, read: nothing, write: nothing },
    budget,
    policy,
  })
  try {
    return await measureCache(cache, steps, { changed: true, ...(signal ? { signal } : {}) })
  } finally {
    await cache.dispose()
  }
}
