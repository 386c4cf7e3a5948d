import type { PackedBits } from '@stemkit/spec/packed-matrix'

/** What is to be small when a row w is packed as scales s and whole numbers q: the error (w - sq)^T G (w - sq) in its products. */
export interface RowProblem {
  readonly bits: PackedBits
  readonly block: number
  /** G [K, K]: the sum of x x^T over inputs, damped. */
  readonly gram: Float64Array
  /** Its diagonal. */
  readonly importance: Float32Array
  /** The upper factor of its inverse, see `inverseFactor`. */
  readonly factor: Float64Array
}

export interface PackedRow {
  /** From -8 to 7 or from -128 to 127 [K]. */
  readonly whole: Int8Array
  /** [K / block] */
  readonly scales: Float32Array
}
