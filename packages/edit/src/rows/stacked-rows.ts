import type { RowOptions } from '@stemkit/spec/row-driver'
import { decodeRows, overlayView, type RowTable } from '@stemkit/store'

/** A table, and where its edits are kept. */
export interface EditedTable {
  /** The rows that are edited. They never change. */
  readonly table: RowTable
  /** Where edits are kept, open for writing where they are made or undone. Default: the table itself. */
  readonly overlays?: RowTable | undefined
}

/** Rows of a table under a stack of overlays. */
export interface StackedRows {
  /** Bytes of rows `ids` (unique), one after the other. */
  bytes(ids: readonly number[]): Promise<Uint8Array>
}

export async function stackedRows(
  { table, overlays = table }: EditedTable,
  stack: readonly string[],
  options: RowOptions = {},
): Promise<StackedRows> {
  const view = await overlayView(table, stack, { overlays, ...options })
  return {
    async bytes(ids) {
      const into = new Uint8Array(ids.length * view.rowBytes)
      if (ids.length > 0) await view.read(view.resolve(Uint32Array.from(ids)), into, options)
      return into
    },
  }
}

/** The values of rows that lie one after the other, [n, L * w]: layer after layer in each. */
export function valuesOf(
  { layout, rowBytes }: Pick<RowTable, 'layout' | 'rowBytes'>,
  bytes: Uint8Array,
): Float32Array[] {
  const { layers, width } = layout
  return Array.from({ length: bytes.length / rowBytes }, (_, i) => {
    const values = new Float32Array(layers * width)
    // Of one row, the block [L, 1, w] is the row.
    decodeRows(layout, { bytes: bytes.slice(i * rowBytes, (i + 1) * rowBytes), stride: rowBytes }, values)
    return values
  })
}
