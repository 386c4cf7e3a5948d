import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Lease, RowCacheStats } from '../cache/cache-types.ts'
import type { RowTable } from '../table/row-table.ts'

/** What a store works on: a RowTable, or `{ ...driver, layout }` for rows without checksums and versions. */
export type StoredRows = Pick<RowTable, 'rows' | 'rowBytes' | 'layout' | 'read' | 'dispose'> &
  Partial<Pick<RowTable, 'id' | 'version' | 'content' | 'takesAt' | 'write' | 'snapshot'>>

/** Rows in the memory of the store, to be read and changed in place until they are released. */
export interface RowLease extends Lease {
  /** All slots. Row u of the plan begins at byte `slots[u] * stride`: values [L][w], then the optimiser's state. */
  readonly bytes: Uint8Array
  readonly stride: number
}

/** How a store gets at its rows. */
export interface Access {
  /** Rows that memory holds at once. */
  readonly capacity: number
  /** To `places` of the blocks, if there are any; else the blocks hold these rows and no others. */
  gather(
    ids: Uint32Array,
    blocks: Float32Array,
    options: RowOptions & { readonly places?: Uint32Array | undefined },
  ): Promise<void>
  scatter(ids: Uint32Array, blocks: Float32Array, options: RowOptions): Promise<void>
  lease(ids: Uint32Array, options: RowOptions): Promise<RowLease>
  prefetch(ids: Uint32Array, options: RowOptions): Promise<void>
  flush(options: RowOptions): Promise<void>
  stats(): { readonly cache?: RowCacheStats }
  dispose(): Promise<void>
}

/** @throws unsupported for rows that can only be read */
export function requireWrite(table: StoredRows): NonNullable<StoredRows['write']> {
  if (table.write === undefined) throw new StemkitError('unsupported', 'row store: its table is read-only')
  return (ids, from, options) => table.write!(ids, from, options)
}
