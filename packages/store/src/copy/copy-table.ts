import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { decodeRows, encodeRows } from '../codec/convert.ts'
import { payloadBytes, valueBytes, type RowLayout } from '../layout.ts'
import { createRowTable } from '../table/open-row-table.ts'
import type { RowTable } from '../table/row-table.ts'

export interface CopyTableOptions extends RowOptions {
  /** The version that it stands on is copied. */
  readonly from: RowTable
  /** New rows of `recordBytes(layout)` bytes each. The result owns it unless this fails. */
  readonly to: RowDriver
  /**
   * Another dtype, or without the state of the optimiser. A new state begins as zeros. Default: the layout of `from`.
   */
  readonly layout?: RowLayout
  readonly onProgress?: (progress: { readonly rows: number; readonly totalRows: number }) => void
}

/**
 * Copies a table, row i to place i. If that ends early there is no table at the other end, and it can be made anew.
 * @throws bad-input if the layouts have different shapes; what reading, converting and `createRowTable` throw
 */
export async function copyTable({
  from,
  to,
  layout = from.layout,
  onProgress,
  signal,
}: CopyTableOptions): Promise<RowTable> {
  if (layout.layers !== from.layout.layers || layout.width !== from.layout.width) {
    const shape = ({ layers, width }: RowLayout): string => `${layers} layers of ${width}`
    throw new StemkitError('bad-input', `copy: rows of ${shape(from.layout)} cannot become rows of ${shape(layout)}`)
  }
  const cancel = signal ? { signal } : {}
  return createRowTable({
    driver: to,
    layout,
    rows: from.rows,
    fill: (ids, into) => readConverted(from, ids, layout, into, cancel),
    ...(onProgress ? { onProgress } : {}),
    ...cancel,
  })
}

/** Rows of a table in another layout. */
async function readConverted(
  from: RowTable,
  ids: Uint32Array,
  layout: RowLayout,
  into: Uint8Array,
  options: RowOptions,
): Promise<void> {
  const same = from.layout.dtype === layout.dtype
  if (same && from.layout.state === layout.state) return from.read(ids, into, options)
  const bytes = new Uint8Array(ids.length * from.rowBytes)
  await from.read(ids, bytes, options)
  const stride = payloadBytes(layout)
  if (same) {
    const size = valueBytes(layout)
    for (let i = 0; i < ids.length; i++) {
      into.set(bytes.subarray(i * from.rowBytes, i * from.rowBytes + size), i * stride)
    }
    return
  }
  const blocks = new Float32Array(layout.layers * ids.length * layout.width)
  decodeRows(from.layout, { bytes, stride: from.rowBytes }, blocks)
  encodeRows(layout, blocks, { bytes: into, stride })
}

/** Rows read at a time. */
const PIECE_BYTES = 8 * 2 ** 20

/**
 * Reads all rows of a table and returns the ids of those whose bytes are damaged, ascending.
 * @throws what reading throws but `corrupt`
 */
export async function verifyTable(
  table: RowTable,
  options: RowOptions & { readonly onProgress?: CopyTableOptions['onProgress'] } = {},
): Promise<number[]> {
  const { onProgress, signal } = options
  const cancel = signal ? { signal } : {}
  const damaged: number[] = []
  const piece = Math.max(1, Math.floor(PIECE_BYTES / table.rowBytes))
  const into = new Uint8Array(piece * table.rowBytes)
  const isWhole = (ids: Uint32Array): Promise<boolean> =>
    table.read(ids, into.subarray(0, ids.length * table.rowBytes), cancel).then(
      () => true,
      (error: unknown) => {
        if (StemkitError.isInstance(error) && error.code === 'corrupt') return false
        throw error
      },
    )
  for (let first = 0; first < table.rows; first += piece) {
    const ids = Uint32Array.from({ length: Math.min(piece, table.rows - first) }, (_, i) => first + i)
    // One damaged row fails the whole read: then each by itself.
    if (!(await isWhole(ids))) for (const id of ids) if (!(await isWhole(Uint32Array.of(id)))) damaged.push(id)
    onProgress?.({ rows: first + ids.length, totalRows: table.rows })
  }
  return damaged
}
