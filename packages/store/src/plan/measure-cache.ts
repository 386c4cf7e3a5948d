import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowCache } from '../cache/cache-types.ts'

export interface CacheMeasurement {
  /** Steps measured, those that warmed the cache not counted. */
  readonly steps: number
  /** Different rows of a step, on average. */
  readonly rows: number
  /** Share of them that were in the cache. */
  readonly hitRate: number
  /** Rows read from the source and written to it per step. */
  readonly rowsRead: number
  readonly rowsWritten: number
}

export interface MeasureCacheOptions extends RowOptions {
  /** Steps before measuring starts; default: half of them. */
  readonly warmUp?: number
  /** Whether each step changes its rows, as training does. */
  readonly changed?: boolean
  readonly onProgress?: (progress: { readonly steps: number; readonly total: number }) => void
}

/** Leases the rows of each step (sorted, unique) one step after the other, and counts what that took. */
export async function measureCache(
  cache: RowCache,
  steps: readonly Uint32Array[],
  options: MeasureCacheOptions = {},
): Promise<CacheMeasurement> {
  const { warmUp = Math.floor(steps.length / 2), changed = false, signal, onProgress } = options
  let before = cache.stats()
  for (const [i, keys] of steps.entries()) {
    if (i === warmUp) before = cache.stats()
    const lease = await cache.lease(keys, signal ? { signal } : {})
    lease.release({ changed })
    onProgress?.({ steps: i + 1, total: steps.length })
  }
  const after = cache.stats()
  const measured = steps.length - warmUp
  const [hits, misses] = [after.hits - before.hits, after.misses - before.misses]
  return {
    steps: measured,
    rows: (hits + misses) / measured,
    hitRate: hits / (hits + misses),
    rowsRead: (after.rowsRead - before.rowsRead) / measured,
    rowsWritten: (after.rowsWritten - before.rowsWritten) / measured,
  }
}
