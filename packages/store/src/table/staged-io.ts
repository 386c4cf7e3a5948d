import type { RowDriver } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'
import { inPieces } from './in-pieces.ts'
import { corruptRow, rowIn, signalOf, type Records, type RowIo } from './row-transfer.ts'

/** Buffers that are kept to be used again: new ones come zeroed, which costs as much as a copy. */
const KEPT = 4

/** Rows with checksums through a buffer in which the two lie side by side, as in the driver. */
export function stagedIo(driver: RowDriver, sizes: Records): Omit<RowIo, 'rowBytes'> {
  const { rowBytes, stride } = sizes
  const idle: ArrayBuffer[] = []

  const staged = async (
    count: number,
    work: (records: DataView, bytes: Uint8Array) => Promise<void>,
  ): Promise<void> => {
    const size = count * stride
    const fitting = idle.findIndex(({ byteLength }) => byteLength >= size)
    const [buffer = new ArrayBuffer(size)] = idle.splice(Math.max(0, fitting), 1).filter(() => fitting >= 0)
    try {
      await work(new DataView(buffer, 0, size), new Uint8Array(buffer, 0, size))
    } finally {
      if (idle.length < KEPT) idle.push(buffer)
    }
  }

  return {
    read: (rows, into) =>
      inPieces(rows, stride, ({ order, places }) =>
        staged(order.length, async (records, bytes) => {
          await driver.read(places, bytes, signalOf(rows))
          for (let k = 0; k < order.length; k++) {
            const i = order[k]!
            const row = bytes.subarray(k * stride, k * stride + rowBytes)
            if (crc32(row, rows.ids[i]!) !== records.getUint32(k * stride + rowBytes, true)) {
              throw corruptRow(sizes, rows.ids[i]!, places[k]!)
            }
            rowIn(into, rows, rowBytes, i).set(row)
          }
        }),
      ),

    write: (rows, from) =>
      inPieces(rows, stride, ({ order, places }) =>
        staged(order.length, async (records, bytes) => {
          for (let k = 0; k < order.length; k++) {
            const i = order[k]!
            const end = k * stride + rowBytes
            bytes.set(rowIn(from, rows, rowBytes, i), k * stride)
            bytes.fill(0, end, (k + 1) * stride)
            records.setUint32(end, crc32(bytes.subarray(k * stride, end), rows.ids[i]!), true)
          }
          await driver.write!(places, bytes, signalOf(rows))
        }),
      ),
  }
}
