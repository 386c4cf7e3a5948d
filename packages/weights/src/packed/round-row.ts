import { fitScales } from './pack-matrix.ts'
import type { PackedRow, RowProblem } from './row-problem.ts'

/**
 * Rounds a row column by column, the error of each being made up for in those after it, as far as they go together: GPTQ (Frantar et al.
 * 2023, arXiv:2210.17323), the columns in their order. The scale of a block is chosen when it is reached: by then it carries the errors
 * of those before it.
 */
export function roundRow(row: Float32Array, { bits, block, importance, factor }: RowProblem): PackedRow {
  const K = row.length
  const rest = Float64Array.from(row)
  const whole = new Int8Array(K)
  const scales = new Float32Array(K / block)
  const errors = new Float64Array(block)
  for (let begin = 0; begin < K; begin += block) {
    const end = begin + block
    const options = { bits, block, importance: importance.subarray(begin, end) }
    const [scale] = fitScales(Float32Array.from(rest.subarray(begin, end)), [1, block], options)
    scales[begin / block] = scale!
    roundBlock(rest, { begin, scale: scale!, zero: 2 ** (bits - 1), factor }, whole, errors)
    spreadErrors(rest, begin, factor, errors)
  }
  return { whole, scales }
}

interface Block {
  readonly begin: number
  readonly scale: number
  readonly zero: number
  readonly factor: Float64Array
}

/** Rounds the columns of a block in turn, each error moving into the block's later columns. */
function roundBlock(row: Float64Array, { begin, scale, zero, factor }: Block, whole: Int8Array, errors: Float64Array) {
  const K = row.length
  const end = begin + errors.length
  for (let k = begin; k < end; k++) {
    const value = row[k]!
    const nearest = scale === 0 ? 0 : Math.max(-zero, Math.min(zero - 1, Math.round(value / scale)))
    whole[k] = nearest
    const error = (value - nearest * scale) / factor[k * K + k]!
    errors[k - begin] = error
    for (let j = k + 1; j < end; j++) row[j]! -= error * factor[k * K + j]!
  }
}

/** Moves a block's errors into the columns after it. */
function spreadErrors(row: Float64Array, begin: number, factor: Float64Array, errors: Float64Array): void {
  const K = row.length
  for (let e = 0; e < errors.length; e++) {
    const error = errors[e]!
    const at = (begin + e) * K
    for (let j = begin + errors.length; j < K; j++) row[j]! -= error * factor[at + j]!
  }
}
