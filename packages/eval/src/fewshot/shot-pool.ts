import type { Row } from '../tasks/rows.ts'

/** The rows that shots are drawn from. */
export interface ShotPool {
  readonly size: number
  /** The row at a position, after `process_docs`; asked only for rows that are drawn. */
  row(index: number): Row
}

export const poolOf = (rows: readonly Row[]): ShotPool => ({
  size: rows.length,
  row: (index) => rows[index] as Row,
})
