import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import { decodeRows, encodeRows } from '../codec/convert.ts'
import { payloadBytes, valueBytes, type RowLayout } from '../layout.ts'
import type { RowTable } from '../table/row-table.ts'
import { buildRowTable, type BuildTableOptions } from './build-table.ts'

export interface CopyTableOptions extends Omit<BuildTableOptions, 'driver' | 'layout' | 'rows' | 'source' | 'fill'> {
  /** The version that it stands on is copied. */
  readonly from: RowTable
  /** Rows of `recordBytes(layout)` bytes each, new or left by a copy that was cut short. The result owns it unless this fails. */
  readonly to: RowDriver
  /**
   * Another dtype, or without the state of the optimiser. A new state begins as zeros. Default: the layout of `from`.
   */
  readonly layout?: RowLayout
}

/**
 * Copies a table, row i to place i, and reads it back. If that ends early there is no table at the other end, and the same
 * call goes on from there; rows of another table, of another version or in another layout are copied anew.
 * @throws bad-input if the layouts have different shapes; what reading, converting and `buildRowTable` throw
 */
export async function copyTable({ from, to, layout = from.layout, ...options }: CopyTableOptions): Promise<RowTable> {
  if (layout.layers !== from.layout.layers || layout.width !== from.layout.width) {
    const shape = ({ layers, width }: RowLayout): string => `${layers} layers of ${width}`
    throw new StemkitError('bad-input', `copy: rows of ${shape(from.layout)} cannot become rows of ${shape(layout)}`)
  }
  const cancel = options.signal ? { signal: options.signal } : {}
  return buildRowTable({
    ...options,
    driver: to,
    layout,
    rows: from.rows,
    source: `table ${from.id} as of version ${from.content}, ${JSON.stringify(from.layout)}`,
    fill: (ids, into) => readConverted(from, ids, layout, into, cancel),
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
