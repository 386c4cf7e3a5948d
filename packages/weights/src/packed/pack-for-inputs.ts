import { StemkitError } from '@stemkit/spec/errors'
import type { PackedBits, PackedMatrix } from '@stemkit/spec/packed-matrix'
import { inverseFactor } from './cholesky.ts'
import { checkPackable, type PackOptions } from './pack-matrix.ts'
import { refineRow } from './refine-row.ts'
import { roundRow } from './round-row.ts'
import type { RowProblem } from './row-problem.ts'

/** Added to the diagonal, as a share of its mean, so that directions that the sample has not met do not take all errors. */
const DAMPING = 0.01

/**
 * Packs a matrix for the inputs that it is used with: what rounding changes in the products is kept small, not what it changes in the
 * weights. `gram` [K, K] is the sum of x x^T over inputs x of a sample text. Each row is rounded column by column (`roundRow`), then
 * its scales and whole numbers are bettered in turns (`refineRow`).
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
  checkPackable(values, shape, options)
  if (gram.length !== K * K) {
    throw new StemkitError('bad-input', `pack: a gram matrix of ${gram.length} numbers for ${K} columns`)
  }
  const problem = rowProblem(gram, options)
  const scales = new Float32Array(values.length / block)
  const whole = new Int8Array(values.length)
  for (let n = 0; n < N; n++) {
    const row = values.subarray(n * K, (n + 1) * K)
    const packed = refineRow(row, roundRow(row, problem), problem)
    scales.set(packed.scales, (n * K) / block)
    whole.set(packed.whole, n * K)
  }
  return { shape, bits, block, data: packWhole(whole, bits), scales }
}

/** What the rows of a matrix have in common. @throws bad-input for numbers that are not finite */
export function rowProblem(gram: Float32Array, { bits, block }: Pick<PackOptions, 'bits' | 'block'>): RowProblem {
  const K = Math.sqrt(gram.length)
  const importance = Float32Array.from({ length: K }, (_, k) => gram[k * K + k]!)
  const damped = Float64Array.from(gram)
  const mean = importance.reduce((sum, value) => sum + value, 0) / K
  for (let share = DAMPING; share < 1e4; share *= 10) {
    for (let k = 0; k < K; k++) damped[k * K + k] = importance[k]! + share * (mean || 1)
    const factor = inverseFactor(damped, K)
    if (factor !== undefined) return { bits, block, importance, gram: damped, factor }
  }
  throw new StemkitError('bad-input', 'pack: the gram matrix has numbers that are not finite')
}

/** Whole numbers around 0 as `PackedMatrix.data`. */
function packWhole(whole: Int8Array, bits: PackedBits): Uint8Array {
  if (bits === 8) return Uint8Array.from(whole, (q) => q + 128)
  return Uint8Array.from({ length: whole.length / 2 }, (_, i) => (whole[2 * i]! + 8) | ((whole[2 * i + 1]! + 8) << 4))
}
