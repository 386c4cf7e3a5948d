import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { requireWrite, type RowLease, type StoredRows } from './access/access.ts'
import { cachedAccess, type CacheOptions } from './access/cached-access.ts'
import { directAccess } from './access/direct-access.ts'
import type { RowCacheStats } from './cache/cache-types.ts'
import { payloadBytes, type RowLayout } from './layout.ts'
import type { RowPlan } from './row-plan.ts'

export type { RowLease, StoredRows } from './access/access.ts'

export interface RowStoreOptions extends Partial<CacheOptions> {
  /** Where the rows are. The store owns it from now on. */
  readonly table: StoredRows
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

export interface GatherRowsOptions extends RowOptions {
  /** Where in the blocks the plan's rows go, which may then hold more than these: row i of the plan to row `places[i]` of each. */
  readonly places?: Uint32Array | undefined
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
  /** The version that last changed a row, as of that one; those since then changed overlays alone. */
  readonly content: number | undefined
  readonly rows: number
  readonly layout: RowLayout
  /** Rows that memory holds at once; 0 without a budget. */
  readonly capacity: number
  /** Fills `blocks` [L * U * w] with the values of the plan's rows. */
  gather(plan: Pick<RowPlan, 'unique'>, blocks: Float32Array, options?: GatherRowsOptions): Promise<void>
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
  const access = budget === undefined ? directAccess(counted) : cachedAccess(counted, { ...options, budget })

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
    get content() {
      return table.content
    },
    rows: table.rows,
    layout,
    capacity: access.capacity,
    async gather({ unique }, blocks, how = {}) {
      if (!how.places) checkBlocks('gather', unique.length, blocks)
      else if (how.places.length !== unique.length) {
        throw new StemkitError('bad-input', `row store: gather of ${unique.length} rows to ${how.places.length} places`)
      }
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
