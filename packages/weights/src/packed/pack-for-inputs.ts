import { StemkitError } from '@stemkit/spec/errors'
import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import { inverseFactor } from './cholesky.ts'
import { fitScales, roundToScales, type PackOptions } from './pack-matrix.ts'

/** Added to the diagonal, as a share of its mean, so that directions that the sample has not met do not take all errors. */
const DAMPING = 0.01

/**
 * Packs a matrix for the inputs that it is used with: the error that a column leaves in the products is made up for in the columns
 * after it, as far as these go together. `gram` [K, K] is the sum of x x^T over inputs x of a sample text.
 * GPTQ (Frantar et al. 2023, arXiv:2210.17323), the columns in their order.
 * @throws as `packMatrix`; bad-input for a gram of another size
 */
export function packForInputs(
  values: Float32Array,
  shape: readonly [number, number],
  gram: Float32Array,
  options: Omit<PackOptions, 'importance'>,
): PackedMatrix {
  const [N, K] = shape
  const { bits, block } = options
  if (gram.length !== K * K) {
    throw new StemkitError('bad-input', `pack: a gram matrix of ${gram.length} numbers for ${K} columns`)
  }
  const importance = Float32Array.from({ length: K }, (_, k) => gram[k * K + k]!)
  const factor = damped(gram, importance, K)
  const scales = new Float32Array(values.length / block)
  const data = new Uint8Array((values.length * bits) / 8)
  const bytes = (block * bits) / 8
  const rest = Float64Array.from(values)
  const part = new Float32Array(N * block)
  const errors = new Float64Array(block)

  for (let begin = 0; begin < K; begin += block) {
    for (let n = 0; n < N; n++) part.set(rest.subarray(n * K + begin, n * K + begin + block), n * block)
    // The scales of a block are chosen when it is reached: by then it carries the errors of those before it.
    const fitted = fitScales(part, [N, block], { ...options, importance: importance.subarray(begin, begin + block) })
    for (let n = 0; n < N; n++) {
      const row = rest.subarray(n * K, (n + 1) * K)
      roundBlock(row, begin, factor, fitted[n]!, 2 ** (bits - 1), part.subarray(n * block, (n + 1) * block), errors)
      spreadErrors(row, begin, factor, errors)
      scales[(n * K + begin) / block] = fitted[n]!
    }
    const packed = roundToScales(part, fitted, options)
    for (let n = 0; n < N; n++) {
      data.set(packed.subarray(n * bytes, (n + 1) * bytes), ((n * K + begin) / block) * bytes)
    }
  }
  return { shape, bits, block, data, scales }
}

function damped(gram: Float32Array, diagonal: Float32Array, K: number): Float64Array {
  const matrix = Float64Array.from(gram)
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / K
  for (let share = DAMPING; ; share *= 10) {
    for (let k = 0; k < K; k++) matrix[k * K + k] = diagonal[k]! + share * (mean || 1)
    const factor = inverseFactor(matrix, K)
    if (factor !== undefined) return factor
    if (share > 1e3) throw new StemkitError('bad-input', 'pack: the gram matrix has numbers that are not finite')
  }
}

/** Rounds the columns of a block of one row in turn, each error moving into the block's later columns. */
function roundBlock(
  row: Float64Array,
  begin: number,
  factor: Float64Array,
  scale: number,
  zero: number,
  rounded: Float32Array,
  errors: Float64Array,
): void {
  const K = row.length
  const end = begin + errors.length
  for (let k = begin; k < end; k++) {
    const value = row[k]!
    const whole = scale === 0 ? 0 : Math.max(-zero, Math.min(zero - 1, Math.round(value / scale)))
    rounded[k - begin] = whole * scale
    const error = (value - whole * scale) / factor[k * K + k]!
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
