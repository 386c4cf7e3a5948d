import { fromBfloat16, toBfloat16 } from '../half.ts'
import type { PackedRow, RowProblem } from './row-problem.ts'

/** Times that all whole numbers are gone through at most. */
const SWEEPS = 4
/** Times that each scale is solved for with the others as they are. */
const STEPS = 20

/** Scales, then whole numbers, then scales again, each chosen for the others as they are: the error never grows. */
export function refineRow(row: Float32Array, rounded: PackedRow, problem: RowProblem): PackedRow {
  const products = productsOf(row, rounded.whole, problem)
  let scales = fitToWhole(rounded, products, problem)
  const whole = rounded.whole.slice()
  if (descend({ whole, scales }, products, problem)) scales = fitToWhole({ whole, scales }, products, problem)
  return { whole, scales }
}

interface Products {
  /** G w [K] */
  readonly ofRow: Float64Array
  /** G q of the whole numbers of each block alone [K / block, K]. */
  readonly ofBlocks: readonly Float64Array[]
}

function productsOf(row: Float32Array, whole: Int8Array, { gram, block }: RowProblem): Products {
  const K = row.length
  const ofRow = new Float64Array(K)
  const ofBlocks = Array.from({ length: K / block }, () => new Float64Array(K))
  for (let k = 0; k < K; k++) {
    const [w, q] = [row[k]!, whole[k]!]
    const ofBlock = ofBlocks[Math.floor(k / block)]!
    for (let j = 0, at = k * K; j < K; j++, at++) {
      ofRow[j]! += w * gram[at]!
      ofBlock[j]! += q * gram[at]!
    }
  }
  return { ofRow, ofBlocks }
}

/** The scales that fit whole numbers best: least squares under G, one scale after the other. Of 4 bits they stay BF16 numbers. */
function fitToWhole({ whole, scales }: PackedRow, { ofRow, ofBlocks }: Products, { bits, block }: RowProblem) {
  const dot = (b: number, product: Float64Array): number => {
    let sum = 0
    for (let k = b * block; k < (b + 1) * block; k++) sum += whole[k]! * product[k]!
    return sum
  }
  const wanted = Float64Array.from(ofBlocks, (_, b) => dot(b, ofRow))
  const between = ofBlocks.map((product) => Float64Array.from(ofBlocks, (_, c) => dot(c, product)))
  const rest = (s: ArrayLike<number>, b: number): number =>
    between[b]!.reduce((sum, each, c) => (c === b ? sum : sum - each * s[c]!), wanted[b]!)
  const fitted = Float64Array.from(scales)
  for (let step = 0; step < STEPS; step++) {
    for (const [b, own] of between.entries()) if (own[b]! > 0) fitted[b] = rest(fitted, b) / own[b]!
  }
  const short = Float32Array.from(fitted, (scale) => (bits === 4 ? fromBfloat16(toBfloat16(scale)) : scale))
  // The error, less what does not depend on the scales.
  const errorOf = (s: Float32Array): number =>
    s.reduce((sum, scale, b) => sum + scale * (between[b]![b]! * scale - rest(s, b) - wanted[b]!), 0)
  return errorOf(short) < errorOf(scales) ? short : scales
}

/** Changes one whole number at a time to what is best with the others as they are, until none changes; whether any did. */
function descend({ whole, scales }: PackedRow, { ofRow, ofBlocks }: Products, { gram, bits, block }: RowProblem) {
  const K = whole.length
  const zero = 2 ** (bits - 1)
  // G (w - sq), kept up to date.
  const slope = ofRow.map((sum, j) => ofBlocks.reduce((left, product, b) => left - scales[b]! * product[j]!, sum))
  let isChanged = false
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let changes = 0
    for (let k = 0; k < K; k++) {
      const b = Math.floor(k / block)
      const scale = scales[b]!
      const own = gram[k * K + k]! * scale
      if (own === 0) continue
      const best = Math.round(whole[k]! + slope[k]! / own)
      const step = Math.max(-zero, Math.min(zero - 1, best)) - whole[k]!
      if (step === 0) continue
      changes++
      whole[k]! += step
      const product = ofBlocks[b]!
      for (let j = 0, at = k * K; j < K; j++, at++) {
        slope[j]! -= step * scale * gram[at]!
        product[j]! += step * gram[at]!
      }
    }
    if (changes === 0) break
    isChanged = true
  }
  return isChanged
}
