import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Lease, RowCacheStats } from './cache/cache-types.ts'
import type { CachePolicyKind } from './cache/policy.ts'
import { createRowCache } from './cache/row-cache.ts'
import { decodeRows, encodeRows } from './codec/convert.ts'
import { payloadBytes, type RowLayout } from './layout.ts'
import type { RowPlan } from './row-plan.ts'
import type { RowTable } from './table/row-table.ts'

/** What a store works on: a RowTable, or `{ ...driver, layout }` for rows without checksums and versions. */
export type StoredRows = Pick<RowTable, 'rows' | 'rowBytes' | 'layout' | 'read' | 'dispose'> &
  Partial<Pick<RowTable, 'id' | 'version' | 'takesAt' | 'write' | 'snapshot'>>

export interface RowStoreOptions {
  /** Where the rows are. The store owns it from now on. */
  readonly table: StoredRows
  /** Bytes of memory for rows in use and rows kept, bookkeeping included. Default: none is kept, each call reads and writes. */
  readonly budget?: number
  /** Which rows to keep. Default: `wTinyLfu`. */
  readonly policy?: CachePolicyKind
  /** Memory of yours for the rows kept, in a WebAssembly.Memory, say. Default: memory of the store's own. */
  readonly memory?: { readonly bytes: Uint8Array }
}

export interface RowStoreStats {
  /** Rows and bytes that passed between table and store. */
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly bytesRead: number
  readonly bytesWritten: number
  /** What the cache did, if there is a budget. */
  readonly cache?: RowCacheStats
}

/** Rows in the memory of the store, to be read and changed in place until they are released. */
export interface RowLease extends Lease {
  /** All slots. Row u of the plan begins at byte `slots[u] * stride`: values [L][w], then the optimiser's state. */
  readonly bytes: Uint8Array
  readonly stride: number
}

/**
 * Tables of L layers with one row per id. At rest a row is token-major, [L][w]: one id is one read.
 * At work blocks are layer-major float32, [L, U, w]: one contiguous [U, w] per layer.
 * Await a scatter before the gather that has to see it.
 */
export interface RowStore {
  /** Of its table: which one, and the version that it stands on; undefined for rows without versions. */
  readonly id: string | undefined
  readonly version: number | undefined
  readonly rows: number
  readonly layout: RowLayout
  /** Rows that memory holds at once; 0 without a budget. */
  readonly capacity: number
  /** Fills `blocks` [L * U * w] with the values of the plan's rows. */
  gather(plan: Pick<RowPlan, 'unique'>, blocks: Float32Array, options?: RowOptions): Promise<void>
  /**
   * Replaces the values of the plan's rows by `blocks` [L * U * w]; optimiser state stays. They reach the table when they
   * leave memory, at `flush` and at `snapshot`; without a budget at once. Aborted half-way, some rows are new, some old.
   */
  scatter(plan: Pick<RowPlan, 'unique'>, blocks: Float32Array, options?: RowOptions): Promise<void>
  /** Holds the plan's rows in memory. Rejects with `unsupported` without a budget. */
  lease(plan: Pick<RowPlan, 'unique'>, options?: RowOptions): Promise<RowLease>
  /** Fetches rows that will be asked for soon, as far as there is room. Without a budget it does nothing. */
  prefetch(plan: Pick<RowPlan, 'unique'>, options?: RowOptions): Promise<void>
  /** Hands all changed rows to the table. */
  flush(options?: RowOptions): Promise<void>
  /** Makes the rows as they are now a version of the table, and returns its number. Rejects with `unsupported` where the table has no versions. */
  snapshot(options?: RowOptions & { readonly keep?: boolean; readonly note?: string }): Promise<number>
  stats(): RowStoreStats
  /** Disposes the table too. What was not flushed is lost. */
  dispose(): Promise<void>
}

/** Without a budget rows pass through a buffer of this size: one request to a medium, small enough to stay in cache. */
const STAGING_BYTES = 4 * 2 ** 20

/** @throws bad-input if the rows of the table do not have the size that its layout says, or the budget is too small for one */
export function createRowStore(options: RowStoreOptions): RowStore {
  const { table, budget } = options
  const { layout, rowBytes } = table
  if (rowBytes !== payloadBytes(layout)) {
    const { layers, width, dtype } = layout
    throw new StemkitError(
      'bad-input',
      `row store: rows of ${rowBytes} bytes, but ${layers} layers of ${width} ${dtype} with state '${layout.state}' take ${payloadBytes(layout)}`,
    )
  }
  const counts = { rowsRead: 0, rowsWritten: 0, bytesRead: 0, bytesWritten: 0 }
  const counted = countedRows(table, counts)
  const access = budget === undefined ? direct(counted) : cached(counted, { ...options, budget })

  const checkBlocks = (verb: string, rows: number, blocks: Float32Array): void => {
    const { layers, width } = layout
    if (blocks.length === layers * rows * width) return
    throw new StemkitError(
      'bad-input',
      `row store: ${verb} of ${rows} rows needs ${layers} x ${rows} x ${width} values, the blocks have ${blocks.length}`,
    )
  }

  return {
    id: table.id,
    get version() {
      return table.version
    },
    rows: table.rows,
    layout,
    capacity: access.capacity,
    async gather({ unique }, blocks, how = {}) {
      checkBlocks('gather', unique.length, blocks)
      await access.gather(unique, blocks, how)
    },
    async scatter({ unique }, blocks, how = {}) {
      checkBlocks('scatter', unique.length, blocks)
      requireWrite(table)
      await access.scatter(unique, blocks, how)
    },
    lease: ({ unique }, how = {}) => access.lease(unique, how),
    prefetch: ({ unique }, how = {}) => access.prefetch(unique, how),
    flush: (how = {}) => access.flush(how),
    async snapshot(how = {}) {
      if (table.snapshot === undefined) throw new StemkitError('unsupported', 'row store: its table has no versions')
      await access.flush(how)
      return table.snapshot(how)
    },
    stats: () => ({ ...counts, ...access.stats() }),
    async dispose() {
      await access.dispose()
      await table.dispose()
    },
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

function requireWrite(table: StoredRows): NonNullable<StoredRows['write']> {
  if (table.write === undefined) throw new StemkitError('unsupported', 'row store: its table is read-only')
  return (ids, from, options) => table.write!(ids, from, options)
}

interface Counts {
  rowsRead: number
  rowsWritten: number
  bytesRead: number
  bytesWritten: number
}

/** The table, its traffic counted. */
function countedRows(table: StoredRows, counts: Counts): StoredRows {
  const { write } = table
  return {
    ...table,
    async read(ids, into, options) {
      await table.read(ids, into, options)
      counts.rowsRead += ids.length
      counts.bytesRead += ids.length * table.rowBytes
    },
    ...(write && {
      async write(ids, from, options) {
        await requireWrite(table)(ids, from, options)
        counts.rowsWritten += ids.length
        counts.bytesWritten += ids.length * table.rowBytes
      },
    }),
  }
}

/** How a store gets at its rows. */
interface Access extends Pick<RowStore, 'capacity' | 'flush' | 'dispose'> {
  gather(ids: Uint32Array, blocks: Float32Array, options: RowOptions): Promise<void>
  scatter(ids: Uint32Array, blocks: Float32Array, options: RowOptions): Promise<void>
  lease(ids: Uint32Array, options: RowOptions): Promise<RowLease>
  prefetch(ids: Uint32Array, options: RowOptions): Promise<void>
  stats(): { readonly cache?: RowCacheStats }
}

/** Through memory that keeps rows. */
function cached(table: StoredRows, { budget, policy, memory }: RowStoreOptions & { readonly budget: number }): Access {
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
        decodeRows(layout, packed(lease), blocks)
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

/** Straight from the table and to it, piece by piece. */
function direct(table: StoredRows): Access {
  const { layout, rowBytes } = table
  const chunk = Math.max(1, Math.floor(STAGING_BYTES / rowBytes))
  const idle: Uint8Array[] = []

  /** Calls `work` on pieces of the ids, with a buffer for their rows and their places among all. */
  const inPieces = async (
    unique: Uint32Array,
    work: (ids: Uint32Array, staged: Uint8Array, places: Uint32Array) => Promise<void>,
  ): Promise<void> => {
    const staging = idle.pop() ?? new Uint8Array(Math.min(chunk, unique.length) * rowBytes)
    const room = staging.length / rowBytes
    const places = Uint32Array.from(unique, (_, i) => i)
    for (let first = 0; first < unique.length; first += room) {
      const ids = unique.subarray(first, first + room)
      await work(ids, staging.subarray(0, ids.length * rowBytes), places.subarray(first, first + ids.length))
    }
    if (staging.length === chunk * rowBytes) idle.push(staging)
  }

  return {
    capacity: 0,
    async gather(unique, blocks, options) {
      if (layout.layers === 1 && layout.dtype === 'f32' && layout.state === 'none') {
        return table.read(unique, bytesOf(blocks), options)
      }
      await inPieces(unique, async (ids, staged, places) => {
        await table.read(ids, staged, options)
        decodeRows(layout, { bytes: staged, stride: rowBytes }, blocks, places)
      })
    },
    async scatter(unique, blocks, options) {
      const write = requireWrite(table)
      await inPieces(unique, async (ids, staged, places) => {
        if (layout.state !== 'none') await table.read(ids, staged, options)
        encodeRows(layout, blocks, { bytes: staged, stride: rowBytes }, places)
        await write(ids, staged, options)
      })
    },
    async lease() {
      throw new StemkitError('unsupported', 'row store: a lease needs memory to hold rows in; give the store a budget')
    },
    async prefetch() {},
    async flush() {},
    stats: () => ({}),
    async dispose() {
      idle.length = 0
    },
  }
}

const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
