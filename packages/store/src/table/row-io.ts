import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { crc32 } from '../codec/checksum.ts'
import { payloadBytes, type RowLayout } from '../layout.ts'

/** Bytes of one place of a driver that holds such rows: the row, its CRC-32, zeros up to a multiple of 16. */
export const recordBytes = (layout: RowLayout): number => Math.ceil((payloadBytes(layout) + 4) / 16) * 16

/** Rows pass through buffers of this size: large enough for any medium, small enough to stay near the processor. */
const PIECE_BYTES = 4 * 2 ** 20
/** Pieces under way at a time: one is checked while the next one is fetched. */
const LANES = 2

export interface RowTransfer {
  /** Ids of the rows; a row's checksum starts from its id, so that it cannot be taken for another one. */
  readonly ids: Uint32Array
  /** Where they lie. */
  readonly places: Uint32Array
  /** Row i is row `at[i]` of the block. Default: i. */
  readonly at?: Uint32Array | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RowIo {
  /** Bytes of a row without its checksum. */
  readonly rowBytes: number
  /** @throws corrupt, naming the row whose checksum does not match */
  read(rows: RowTransfer, into: Uint8Array): Promise<void>
  write(rows: RowTransfer, from: Uint8Array): Promise<void>
}

/** Rows with checksums in the places of a driver. Once a call settles it is done with the caller's buffers. */
export function rowIo(driver: RowDriver, layout: RowLayout): RowIo {
  const rowBytes = payloadBytes(layout)
  const stride = recordBytes(layout)
  const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / stride))
  /** Buffers of whole pieces, to be used again. */
  const idle: ArrayBuffer[] = []

  /** Calls `work` on pieces of the rows in the order of their places, with a buffer for each piece's records. */
  const inPieces = async (
    { places, ids }: RowTransfer,
    work: (order: Uint32Array, at: Uint32Array, records: DataView) => Promise<void>,
  ): Promise<void> => {
    const order = orderOf(places, ids)
    let next = 0
    const lane = async (): Promise<void> => {
      const buffer =
        order.length < pieceRows
          ? new ArrayBuffer(order.length * stride)
          : (idle.pop() ?? new ArrayBuffer(pieceRows * stride))
      try {
        while (next < order.length) {
          const piece = order.subarray(next, next + pieceRows)
          next += piece.length
          const at = piece.map((i) => places[i]!)
          await work(piece, at, new DataView(buffer, 0, piece.length * stride))
        }
      } finally {
        next = order.length
        if (order.length >= pieceRows) idle.push(buffer)
      }
    }
    const lanes = Math.min(LANES, Math.ceil(order.length / pieceRows))
    const results = await Promise.allSettled(Array.from({ length: lanes }, lane))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  return {
    rowBytes,

    read: (rows, into) =>
      inPieces(rows, async (order, places, records) => {
        const bytes = bytesOf(records)
        await driver.read(places, bytes, optionsOf(rows))
        for (let k = 0; k < order.length; k++) {
          const i = order[k]!
          const row = bytes.subarray(k * stride, k * stride + rowBytes)
          if (crc32(row, rows.ids[i]!) !== records.getUint32(k * stride + rowBytes, true)) {
            throw new StemkitError(
              'corrupt',
              `row table: row ${rows.ids[i]} (place ${places[k]}) does not match its checksum`,
            )
          }
          into.set(row, (rows.at?.[i] ?? i) * rowBytes)
        }
      }),

    write: (rows, from) =>
      inPieces(rows, async (order, places, records) => {
        const bytes = bytesOf(records)
        for (let k = 0; k < order.length; k++) {
          const i = order[k]!
          const slot = (rows.at?.[i] ?? i) * rowBytes
          const end = k * stride + rowBytes
          bytes.set(from.subarray(slot, slot + rowBytes), k * stride)
          bytes.fill(0, end, (k + 1) * stride)
          records.setUint32(end, crc32(bytes.subarray(k * stride, end), rows.ids[i]!), true)
        }
        await driver.write!(places, bytes, optionsOf(rows))
      }),
  }
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

const optionsOf = ({ signal }: RowTransfer): { signal?: AbortSignal } => (signal === undefined ? {} : { signal })

/** Indices of `places` in ascending order of place. */
function orderOf(places: Uint32Array, ids: Uint32Array): Uint32Array {
  const count = places.length
  const order = Uint32Array.from(places, (_, i) => i)
  const ascends = (): boolean => order.every((at, i) => i === 0 || places[order[i - 1]!]! < places[at]!)
  if (ascends()) return order
  if (count <= 2 ** 21) {
    // Place and index fit one double, and numbers sort many times faster without a function that compares them.
    const sorted = Float64Array.from(places, (place, i) => place * count + i).toSorted()
    for (let i = 0; i < count; i++) order[i] = sorted[i]! % count
  } else {
    order.sort((a, b) => places[a]! - places[b]!)
  }
  if (ascends()) return order
  const twice = order.find((at, i) => i > 0 && places[order[i - 1]!] === places[at])!
  throw new StemkitError('bad-input', `row table: row ${ids[twice]} is named twice in one call`)
}
