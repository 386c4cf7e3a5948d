import type { RowOptions } from '@stemkit/spec/row-driver'
import type { BlockOptions } from '../table/row-table.ts'
import type { CachePolicyKind } from './policy.ts'

/**
 * Where the rows of a cache come from and go to; a RowTable and a RowDriver are such. Keys are sorted and unique in every
 * call. Calls that touch the same row take effect in the order in which they were made. Buffers are the cache's again
 * once the promise settles, also where it rejects.
 */
export interface RowSource {
  readonly rows: number
  readonly rowBytes: number
  /** Says that `read` and `write` take `at` and `stride`: then rows go straight between source and slots. */
  readonly takesAt?: true
  read(keys: Uint32Array, into: Uint8Array, options?: BlockOptions): Promise<void>
  /** Absent where rows cannot be changed. */
  write?(keys: Uint32Array, from: Uint8Array, options?: BlockOptions): Promise<void>
}

export interface RowCacheOptions {
  readonly source: RowSource
  /** Bytes that the cache may take in all: slots, bookkeeping and the buffers of its reads and writes. */
  readonly budget: number
  /** Default: the one that did best on real token streams, W-TinyLFU. */
  readonly policy?: CachePolicyKind
  /**
   * Where the slots lie: memory of yours, in a WebAssembly.Memory, say; as much of it is used as the budget allows.
   * `bytes` is read again before each use, so that it may be a getter over memory that grows; only in shared memory, which
   * stays where it is, are slots read into and written from without a copy. Default: a new buffer.
   */
  readonly memory?: { readonly bytes: Uint8Array }
  /** Bytes from one slot to the next, at least a row. Default: the bytes of a row. */
  readonly stride?: number
}

export interface ReleaseOptions {
  /** Which rows were changed in place: all, or those with a flag that is not 0, in the order of the keys. Default: none. */
  readonly changed?: boolean | Uint8Array
}

/** Rows that stay where they are until they are released. */
export interface Lease {
  /** The slot of each key [U]: its row is the `rowBytes` bytes at `slot * stride` of the cache's `bytes`. */
  readonly slots: Uint32Array
  /** Rows that were changed are written to the source before their slot is given up. A second call does nothing. */
  release(options?: ReleaseOptions): void
}

export interface RowCacheStats {
  /** Rows asked for that were there, and that were not (or just being read or written). */
  readonly hits: number
  readonly misses: number
  /** hits / (hits + misses); 0 before the first. */
  readonly hitRate: number
  /** Rows read ahead; those of them that were then used; those given up unused; those there was no room for. */
  readonly prefetched: number
  readonly prefetchUsed: number
  readonly prefetchWasted: number
  readonly prefetchRefused: number
  readonly evictions: number
  readonly rowsRead: number
  readonly bytesRead: number
  /** Rows written back, and their bytes. */
  readonly rowsWritten: number
  readonly bytesWritten: number
  /** Leases that had to wait, for I/O or for others to release rows, and for how many milliseconds in all. */
  readonly waits: number
  readonly waitedMs: number
  /** Of the reads of the source, in milliseconds; 0 before the first. */
  readonly readMs: { readonly count: number; readonly mean: number; readonly p99: number }
  /** Rows that fit. */
  readonly slots: number
  readonly resident: number
  readonly pinned: number
  readonly dirty: number
  /** Bytes in use: all slots, bookkeeping and buffers. Never more than the budget. */
  readonly memoryBytes: number
}

/** Rows of a source in slots of one piece of memory, where they are used and changed in place. */
export interface RowCache {
  /** Rows that fit at once. */
  readonly slots: number
  readonly rowBytes: number
  readonly stride: number
  /** The memory of the slots. */
  readonly bytes: Uint8Array
  /**
   * Pins the rows `keys` (sorted, unique; left alone until this resolves), fetching those that are absent. Waits while
   * other leases hold too many rows; one that fits goes ahead of a larger one that waits.
   * Rejects with bad-input where so many rows never fit at once, and with the source's error, one of an earlier
   * write-back included.
   */
  lease(keys: Uint32Array, options?: RowOptions): Promise<Lease>
  /**
   * Fetches rows (sorted, unique) that will be leased soon, and keeps those that are there: they are the last to be given
   * up. Takes no room that a lease needs: rows for which there is none are left out. Rejects with the source's read
   * error; a lease of the same rows reads them again.
   */
  prefetch(keys: Uint32Array, options?: RowOptions): Promise<void>
  /**
   * Writes all rows changed so far, sorted. They stay. Rows that are leased meanwhile are written as they are.
   * Rejects with the source's error; what was not written is still to be written.
   */
  flush(options?: RowOptions): Promise<void>
  /**
   * Forgets rows, their changes too: the next lease reads them.
   * @throws conflict if one of them is leased; then none is forgotten
   */
  drop(keys: Uint32Array): void
  /**
   * Forgets all rows, their changes too.
   * @throws conflict if one is leased
   */
  clear(): void
  stats(): RowCacheStats
  /** Waits for I/O under way; leases that wait reject. Does not flush, and leaves the source open. */
  dispose(): Promise<void>
}
