import { smallestBudget } from '../cache-memory.ts'
import type { RowCache, RowCacheOptions } from '../cache-types.ts'
import { lru } from '../lru.ts'
import { createRowCache } from '../row-cache.ts'
import { slowSource, type SlowSource } from './slow-source.ts'

export const ROW_BYTES = 8
export const keys = (...list: number[]): Uint32Array => Uint32Array.from(list)
/** So many keys from a first one on. */
export const from = (first: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => first + i)

export const geometry = { budget: 0, rowBytes: ROW_BYTES, stride: ROW_BYTES, policy: lru }

export interface SmallCache {
  readonly slots: number
  readonly rows?: number
  readonly slowness?: number
  readonly failing?: () => number
}

/** A cache of so many slots over a source whose row k holds k + 1000, twice. */
export function smallCache(
  { slots, rows = 100, slowness = 0, failing = () => 0 }: SmallCache,
  options: Partial<RowCacheOptions> = {},
): { readonly source: SlowSource; readonly cache: RowCache } {
  const source = slowSource({ rows, rowBytes: ROW_BYTES, slowness, failing, random: () => 0.999 })
  const words = new Uint32Array(source.bytes.buffer)
  for (let i = 0; i < words.length; i++) words[i] = (i >> 1) + 1000
  const budget = smallestBudget({ ...geometry, stride: options.stride ?? ROW_BYTES }, slots)
  const cache = createRowCache({ source, budget, policy: lru, ...options })
  return { source, cache }
}

export const row = (cache: RowCache, slot: number): Uint32Array =>
  new Uint32Array(cache.bytes.buffer, cache.bytes.byteOffset + slot * cache.stride, ROW_BYTES / 4)

/** Leases rows, says what is in them, changes them if told to, and releases them. */
export async function use(cache: RowCache, rows: Uint32Array, change?: number): Promise<number[]> {
  const lease = await cache.lease(rows)
  const seen = Array.from(lease.slots, (slot) => row(cache, slot)[1]!)
  if (change !== undefined) for (const slot of lease.slots) row(cache, slot).fill(change)
  lease.release({ changed: change !== undefined })
  return seen
}
