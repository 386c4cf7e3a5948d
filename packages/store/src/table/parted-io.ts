import { crc32 } from '../codec/checksum.ts'
import type { RowsInParts } from '../drivers/rows-in-parts.ts'
import { inPieces } from './in-pieces.ts'
import { corruptRow, rowIn, signalOf, type Records, type RowIo } from './row-transfer.ts'

/** Rows from and to where they lie, their checksums apart, so that nothing is copied on the way. */
export function partedIo(driver: RowsInParts, sizes: Records): Omit<RowIo, 'rowBytes'> {
  const { rowBytes, stride } = sizes
  const tailBytes = stride - rowBytes

  /** Rows and checksums in turn, and the checksums by themselves. */
  const partsFor = (count: number, rowAt: (k: number) => Uint8Array): { parts: Uint8Array[]; sums: DataView } => {
    const tails = new Uint8Array(count * tailBytes)
    const parts: Uint8Array[] = []
    for (let k = 0; k < count; k++) {
      parts.push(rowAt(k), tails.subarray(k * tailBytes, (k + 1) * tailBytes))
    }
    return { parts, sums: new DataView(tails.buffer) }
  }

  return {
    read: (rows, into) =>
      inPieces(rows, stride, async ({ order, places }) => {
        const { parts, sums } = partsFor(order.length, (k) => rowIn(into, rows, rowBytes, order[k]!))
        // Each run is checked while the next ones are on their way, and while it is still near the processor.
        const onRows = (from: number, count: number): void => {
          for (let k = from; k < from + count; k++) {
            const id = rows.ids[order[k]!]!
            if (crc32(parts[2 * k]!, id) !== sums.getUint32(k * tailBytes, true))
              throw corruptRow(sizes, id, places[k]!)
          }
        }
        await driver.read(places, parts, { ...signalOf(rows), onRows })
      }),

    write: (rows, from) =>
      inPieces(rows, stride, async ({ order, places }) => {
        const { parts, sums } = partsFor(order.length, (k) => rowIn(from, rows, rowBytes, order[k]!))
        for (let k = 0; k < order.length; k++) {
          sums.setUint32(k * tailBytes, crc32(parts[2 * k]!, rows.ids[order[k]!]!), true)
        }
        await driver.write!(places, parts, signalOf(rows))
      }),
  }
}
