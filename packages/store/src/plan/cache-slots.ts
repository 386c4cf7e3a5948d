import { planCache, smallestBudget } from '../cache/cache-memory.ts'
import { wTinyLfu } from '../cache/w-tiny-lfu.ts'

const geometryOf = (rowBytes: number) => ({ rowBytes, stride: rowBytes, policy: wTinyLfu })

/**
 * Rows that a cache of the default policy holds within a budget, which its bookkeeping and buffers share.
 * @throws bad-input for a budget that does not suffice for one
 */
export const cacheSlots = (budget: number, rowBytes: number): number =>
  planCache({ ...geometryOf(rowBytes), budget }).slots

/** The least bytes in which a cache of the default policy holds so many rows. */
export const cacheBudget = (slots: number, rowBytes: number): number =>
  smallestBudget({ ...geometryOf(rowBytes), budget: 0 }, slots)
