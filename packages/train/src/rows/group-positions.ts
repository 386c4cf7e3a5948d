import type { RowGroups } from '../optimizer/tasks.ts'

/**
 * Sorts positions by their row: `rows` [N] has the row of each, below `count`. Positions of one row stay in order. Writes into the
 * arrays of `into`, of at least count + 1 and N numbers, and gives the part that is used. O(N + count).
 */
export function groupPositions(rows: Int32Array, count: number, into: RowGroups): RowGroups {
  const starts = into.starts.subarray(0, count + 1).fill(0)
  const positions = into.positions.subarray(0, rows.length)
  // Counts stand two places further on first: then, summed up, the place after is where each row's next position goes.
  for (const row of rows) if (row + 2 <= count) starts[row + 2]!++
  for (let r = 2; r <= count; r++) starts[r]! += starts[r - 1]!
  for (let i = 0; i < rows.length; i++) positions[starts[rows[i]! + 1]!++] = i
  return { starts, positions }
}
