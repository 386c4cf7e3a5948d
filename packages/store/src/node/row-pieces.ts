/** Rows that one positioned read or write takes. */
export interface RowPiece {
  /** Row that it begins with. */
  readonly first: number
  /** Of its rows, the places in the caller's block: from `begin`, before `end`. */
  readonly begin: number
  readonly end: number
}

/** Sorted rows as pieces of at most `mostBytes` (or one row), with gaps of at most `gap` bytes inside. */
export function rowPieces(
  ids: Uint32Array,
  { rowBytes, mostBytes, gap }: { rowBytes: number; mostBytes: number; gap: number },
): RowPiece[] {
  const pieces: RowPiece[] = []
  const mostRows = Math.max(1, Math.floor(mostBytes / rowBytes))
  const mostBetween = Math.floor(gap / rowBytes)
  let begin = 0
  for (let at = 1; at <= ids.length; at++) {
    const goesOn = at < ids.length && ids[at]! - ids[at - 1]! - 1 <= mostBetween && ids[at]! - ids[begin]! < mostRows
    if (goesOn) continue
    pieces.push({ first: ids[begin]!, begin, end: at })
    begin = at
  }
  return pieces
}
