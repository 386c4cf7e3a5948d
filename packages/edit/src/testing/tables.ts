import type { RowDriver } from '@stemkit/spec/row-driver'
import {
  createRowTable,
  memoryRows,
  payloadBytes,
  encodeRows,
  recordBytes,
  type RowLayout,
  type RowTable,
} from '@stemkit/store'

/** Two STEM layers of three numbers. */
export const layout: RowLayout = { layers: 2, width: 3, dtype: 'f32', state: 'none' }
export const ROWS = 10

/** Numbers that tell rows, layers and places apart. */
export const numbersOf = (row: number, { layers, width }: RowLayout = layout): Float32Array =>
  Float32Array.from({ length: layers * width }, (_, i) => Math.sin(1 + row * 7.3 + i * 1.7) * (1 + row))

export interface TableOptions {
  readonly layout?: RowLayout
  readonly rows?: number
  readonly driver?: RowDriver
}

/** A table whose row i has `numbersOf(i)`. */
export function newTable({ layout: shape = layout, rows = ROWS, driver }: TableOptions = {}): Promise<RowTable> {
  const rowBytes = payloadBytes(shape)
  return createRowTable({
    driver: driver ?? memoryRows({ rows, rowBytes: recordBytes(shape) }),
    layout: shape,
    rows,
    fill: (ids, into) =>
      ids.forEach((id, i) => {
        const row = new Uint8Array(rowBytes).fill(id + 1)
        encodeRows(shape, numbersOf(id, shape), { bytes: row, stride: rowBytes })
        into.set(row, i * rowBytes)
      }),
  })
}
