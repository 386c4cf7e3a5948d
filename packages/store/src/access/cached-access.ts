import type { Lease } from '../cache/cache-types.ts'
import type { CachePolicyKind } from '../cache/policy.ts'
import { createRowCache } from '../cache/row-cache.ts'
import { decodeRows, encodeRows } from '../codec/convert.ts'
import type { Access, StoredRows } from './access.ts'

export interface CacheOptions {
  /** Bytes of memory for rows in use and rows kept, bookkeeping included. Default: none is kept, each call reads and writes. */
  readonly budget: number
  /** Which rows to keep. Default: `wTinyLfu`. */
  readonly policy?: CachePolicyKind
  /** Memory of yours for the rows kept, in a WebAssembly.Memory, say. Default: memory of the store's own. */
  readonly memory?: { readonly bytes: Uint8Array }
}

/** Through memory that keeps rows. */
export function cachedAccess(table: StoredRows, { budget, policy, memory }: CacheOptions): Access {
  const { layout } = table
  const cache = createRowCache({
    source: table,
    budget,
    stride: strideFor(table.rowBytes),
    ...(policy ? { policy } : {}),
    ...(memory ? { memory } : {}),
  })
  const packed = ({ slots }: Lease) => ({ bytes: cache.bytes, stride: cache.stride, slots })
  return {
    capacity: cache.slots,
    async gather(ids, blocks, options) {
      const lease = await cache.lease(ids, options)
      try {
        decodeRows(layout, packed(lease), blocks, options.places)
      } finally {
        lease.release()
      }
    },
    async scatter(ids, blocks, options) {
      const lease = await cache.lease(ids, options)
      let changed = false
      try {
        encodeRows(layout, blocks, packed(lease))
        changed = true
      } finally {
        lease.release({ changed })
      }
    },
    async lease(ids, options) {
      const lease = await cache.lease(ids, options)
      return { ...lease, bytes: cache.bytes, stride: cache.stride }
    },
    prefetch: (ids, options) => cache.prefetch(ids, options),
    flush: (options) => cache.flush(options),
    stats: () => ({ cache: cache.stats() }),
    dispose: () => cache.dispose(),
  }
}

/**
 * Bytes from slot to slot. They begin where SIMD likes them to, and not all at the same place of a page: some processors copy
 * to a few bytes further on in a page than they copy from at a tenth of their speed, and that would hit all rows or none.
 */
function strideFor(rowBytes: number): number {
  const aligned = Math.ceil(rowBytes / 16) * 16
  return aligned % 4096 === 0 ? aligned + 64 : aligned
}
