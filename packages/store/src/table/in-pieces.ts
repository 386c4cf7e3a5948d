import { StemkitError } from '@stemkit/spec/errors'

/** Rows pass in pieces of so many bytes: enough for any medium, few enough to stay near the processor. */
const PIECE_BYTES = 4 * 2 ** 20
/** Pieces under way at a time: one is checked while the next one is fetched. */
const LANES = 2

/** Some of the rows of a transfer, in the order of their places. */
export interface Piece {
  /** Which of the rows, by their number in the transfer. */
  readonly order: Uint32Array
  /** Where they lie, ascending. */
  readonly places: Uint32Array
}

/**
 * Calls `work` on pieces of rows in the order of their places, two at a time. Settles when all begun have.
 * @param stride bytes that a row counts
 */
export async function inPieces(
  { ids, places }: { readonly ids: Uint32Array; readonly places: Uint32Array },
  stride: number,
  work: (piece: Piece) => Promise<void>,
): Promise<void> {
  const order = orderOf(places, ids)
  const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / stride))
  let next = 0
  const lane = async (): Promise<void> => {
    try {
      while (next < order.length) {
        const piece = order.subarray(next, next + pieceRows)
        next += piece.length
        await work({ order: piece, places: piece.map((i) => places[i]!) })
      }
    } finally {
      next = order.length
    }
  }
  const lanes = Math.min(LANES, Math.ceil(order.length / pieceRows))
  const results = await Promise.allSettled(Array.from({ length: lanes }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

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
