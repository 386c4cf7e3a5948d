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
  const requests: RowRequest[] = []
  if (rowBytes > mostRequestBytes) {
    for (let i = 0; i < ids.length; i++) {
      const row = { from: firstByte + ids[i]! * rowBytes, bytes: rowBytes, into: i * rowBytes }
      requests.push(...inParts(row, mostRequestBytes))
    }
    return requests
  }
  let start = 0
  let pieces: Piece[] = []
  let end = -Infinity
  for (let i = 0; i < ids.length; i++) {
    const from = firstByte + ids[i]! * rowBytes
    const into = i * rowBytes
    if (from - end > gapBytes || from + rowBytes - start > mostRequestBytes) {
      if (pieces.length > 0) requests.push({ start, end, pieces })
      start = from
      pieces = []
    }
    const last = pieces.at(-1)
    if (last !== undefined && from === end) {
      pieces[pieces.length - 1] = { ...last, bytes: last.bytes + rowBytes }
    } else {
      pieces.push({ from, bytes: rowBytes, into })
    }
    end = from + rowBytes
  }
  if (pieces.length > 0) requests.push({ start, end, pieces })
  return requests
}

function inParts({ from, bytes, into }: Piece, most: number): RowRequest[] {
  return Array.from({ length: Math.ceil(bytes / most) }, (_, part) => {
    const start = from + part * most
    const end = Math.min(start + most, from + bytes)
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
