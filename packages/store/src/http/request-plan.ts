import { coalesce } from '../drivers/coalesce.ts'

/** Bytes of rows.bin that go to one place of the caller's buffer. */
export interface Piece {
  readonly from: number
  readonly bytes: number
  readonly into: number
}

/** Bytes `start` to `end` (exclusive) of rows.bin, asked for at once, and the pieces of them that are wanted, in order. */
export interface RowRequest {
  readonly start: number
  readonly end: number
  readonly pieces: readonly Piece[]
}

export interface RequestPlanOptions {
  readonly rowBytes: number
  /** Where row 0 begins. */
  readonly firstByte: number
  /** Up to so many unwanted bytes between two rows are read over rather than asked around. */
  readonly gapBytes: number
  /** No request is larger. Rows that are get several. */
  readonly mostRequestBytes: number
}

/** The fewest requests that read rows `ids` (sorted, unique) from first to last under these limits, in that order. */
export function planRequests(ids: Uint32Array, options: RequestPlanOptions): RowRequest[] {
  const { rowBytes, firstByte, gapBytes, mostRequestBytes } = options
  const gap = Math.floor(gapBytes / rowBytes)
  return coalesce(ids, { rowBytes, mostBytes: mostRequestBytes, gap }).flatMap((run) => {
    const start = firstByte + run.first * rowBytes
    const end = start + run.rows * rowBytes
    if (end - start > mostRequestBytes) return inParts(start, end, run.from * rowBytes, mostRequestBytes)
    const pieces: Piece[] = []
    for (let i = run.from, next; i < run.from + run.count; i = next) {
      next = i + 1
      while (next < run.from + run.count && ids[next] === ids[next - 1]! + 1) next++
      pieces.push({ from: firstByte + ids[i]! * rowBytes, bytes: (next - i) * rowBytes, into: i * rowBytes })
    }
    return { start, end, pieces }
  })
}

/** Requests for a row that is too large for one. */
function inParts(first: number, last: number, into: number, most: number): RowRequest[] {
  return Array.from({ length: Math.ceil((last - first) / most) }, (_, part) => {
    const start = first + part * most
    const end = Math.min(start + most, last)
    return { start, end, pieces: [{ from: start, bytes: end - start, into: into + part * most }] }
  })
}

/** Takes what a request brings, chunk after chunk (from its start anew after a restart), to where it is wanted. */
export function scatterer(pieces: readonly Piece[], into: Uint8Array): (offset: number, chunk: Uint8Array) => void {
  let at = 0
  return (offset, chunk) => {
    if (at === pieces.length || offset < pieces[at]!.from) at = 0
    const end = offset + chunk.length
    for (; at < pieces.length; at++) {
      const piece = pieces[at]!
      const first = Math.max(piece.from, offset)
      const last = Math.min(piece.from + piece.bytes, end)
      if (first < last) into.set(chunk.subarray(first - offset, last - offset), piece.into + first - piece.from)
      if (piece.from + piece.bytes > end) return
    }
  }
}
