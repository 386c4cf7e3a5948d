/** Buckets of a latency histogram: each a quarter of an octave wide, from a microsecond up. */
const BUCKETS = 4 * 40

/** What a cache counts. Rows, unless the name says otherwise. */
export interface CacheMeter {
  hits: number
  misses: number
  prefetched: number
  prefetchUsed: number
  prefetchWasted: number
  prefetchRefused: number
  evictions: number
  rowsRead: number
  rowsWritten: number
  /** Leases. */
  waits: number
  waitedMs: number
  /** Takes the time of one read of the source. */
  timeRead(milliseconds: number): void
  /** `p99`: the upper end of the bucket it lies in, up to a fifth too high. */
  readMs(): { readonly count: number; readonly mean: number; readonly p99: number }
}

export function createCacheMeter(): CacheMeter {
  const histogram = new Uint32Array(BUCKETS)
  let count = 0
  let total = 0
  let longest = 0

  const percentile = (share: number): number => {
    let left = Math.ceil(share * count)
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= histogram[bucket]!
      if (left <= 0) return Math.min(longest, 2 ** ((bucket + 1) / 4) / 1000)
    }
    return longest
  }

  return {
    hits: 0,
    misses: 0,
    prefetched: 0,
    prefetchUsed: 0,
    prefetchWasted: 0,
    prefetchRefused: 0,
    evictions: 0,
    rowsRead: 0,
    rowsWritten: 0,
    waits: 0,
    waitedMs: 0,
    timeRead(milliseconds) {
      count++
      total += milliseconds
      longest = Math.max(longest, milliseconds)
      const bucket = Math.floor(4 * Math.log2(Math.max(1, 1000 * milliseconds)))
      histogram[Math.min(BUCKETS - 1, bucket)]!++
    },
    readMs: () => ({ count, mean: count === 0 ? 0 : total / count, p99: percentile(0.99) }),
  }
}
