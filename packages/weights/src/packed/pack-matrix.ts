import { StemkitError } from '@stemkit/spec/errors'
import type { PackedBits, PackedMatrix } from '@stemkit/spec/packed-matrix'
import { fromBfloat16, toBfloat16 } from '../half.ts'
import { showShape } from '../tensor.ts'

/** Sizes that MatMulNBits knows. */
export const BLOCKS: readonly number[] = [16, 32, 64, 128, 256]

export interface PackOptions {
  readonly bits: PackedBits
  /** Numbers that share a scale, along K. */
  readonly block: number
  /** How much an error in each column counts [K], such as the mean square of what the column is multiplied with. Default: all alike. */
  readonly importance?: Float32Array | undefined
}

/** Where the largest number of a block may lie beyond the range, as shares of it: what is cut off there is gained in finer steps. */
const CUTS: Record<PackedBits, readonly number[]> = {
  4: Array.from({ length: 9 }, (_, i) => 0.7 + 0.05 * i),
  8: [1, 128 / 127],
}

/**
 * Rounds a matrix [N, K] to blocks of whole numbers.
 * @throws as `fitScales`
 */
export function packMatrix(values: Float32Array, shape: readonly [number, number], options: PackOptions): PackedMatrix {
  const { bits, block } = options
  const scales = fitScales(values, shape, options)
  return { shape, bits, block, data: roundToScales(values, scales, options), scales }
}

/**
 * The scale of each block [N, K / block]: of several ranges the one of least squared error is taken, each with the scale that
 * fits its whole numbers best (least squares). Of 4 bits it is a BF16 number, which costs nothing, as whole numbers are chosen for it,
 * and halves what scales take where memory sets the speed.
 * @throws bad-input for a block size that is none of 16, 32, 64, 128, 256 or does not divide K, for numbers that do not
 *   fill the shape or are not finite
 */
export function fitScales(values: Float32Array, shape: readonly [number, number], options: PackOptions): Float32Array {
  const { bits, block, importance } = options
  checkPackable(values, shape, options)
  const K = shape[1]
  const zero = 2 ** (bits - 1)
  const scales = new Float32Array(values.length / block)
  const weight = new Float64Array(block).fill(1)
  const numbers = new Float64Array(block)
  for (let b = 0; b < scales.length; b++) {
    const at = b * block
    for (let i = 0; i < block; i++) numbers[i] = values[at + i]!
    if (importance) for (let i = 0; i < block; i++) weight[i] = importance[(at % K) + i]! + Number.MIN_VALUE
    const scale = fitScale(numbers, weight, zero, CUTS[bits])
    scales[b] = bits === 4 ? shortScale(scale, numbers, weight, zero) : scale
    if (Number.isNaN(scales[b])) {
      const row = Math.floor(at / K)
      throw new StemkitError('bad-input', `pack: row ${row} of the matrix has a number that is not finite`)
    }
  }
  return scales
}

/** Each number as the nearest multiple of its block's scale, as `PackedMatrix.data`. */
export function roundToScales(
  values: Float32Array,
  scales: Float32Array,
  { bits, block }: Pick<PackOptions, 'bits' | 'block'>,
): Uint8Array {
  const zero = 2 ** (bits - 1)
  const data = new Uint8Array((values.length * bits) / 8)
  for (let b = 0; b < scales.length; b++) {
    const inverse = scales[b] === 0 ? 0 : 1 / scales[b]!
    const end = (b + 1) * block
    if (bits === 8) for (let i = b * block; i < end; i++) data[i] = toWhole(values[i]! * inverse, zero) + zero
    else {
      for (let i = b * block; i < end; i += 2) {
        const low = toWhole(values[i]! * inverse, zero) + zero
        data[i >> 1] = low | ((toWhole(values[i + 1]! * inverse, zero) + zero) << 4)
      }
    }
  }
  return data
}

/** The scale of one block; NaN if a number is not finite. */
function fitScale(numbers: Float64Array, weight: Float64Array, zero: number, cuts: readonly number[]): number {
  const block = numbers.length
  let extreme = 0
  let sum = 0
  for (let i = 0; i < block; i++) {
    const number = numbers[i]!
    sum += number
    if (Math.abs(number) > Math.abs(extreme)) extreme = number
  }
  if (!Number.isFinite(sum)) return Number.NaN
  if (extreme === 0) return 0
  let bestGain = -1
  let scale = 0
  for (const cut of cuts) {
    // The largest number gets the sign that has one step more.
    const inverse = -zero / (cut * extreme)
    let product = 0
    let square = 0
    for (let i = 0; i < block; i++) {
      const number = numbers[i]!
      const q = toWhole(number * inverse, zero)
      const weighted = weight[i]! * q
      product += weighted * number
      square += weighted * q
    }
    // With the best scale the error is the sum of squares less this.
    const gain = square === 0 ? 0 : (product * product) / square
    if (gain > bestGain) {
      bestGain = gain
      scale = square === 0 ? 0 : product / square
    }
  }
  return scale
}

/** Of the two BF16 numbers next to a scale, the one of less squared error. */
function shortScale(scale: number, numbers: Float64Array, weight: Float64Array, zero: number): number {
  const nearest = toBfloat16(scale)
  const value = fromBfloat16(nearest)
  if (value === scale || !Number.isFinite(value)) return value
  // One step further in bits is one further from zero.
  const other = fromBfloat16(Math.abs(value) < Math.abs(scale) ? nearest + 1 : nearest - 1)
  const errorOf = (candidate: number): number => {
    const inverse = candidate === 0 ? 0 : 1 / candidate
    let error = 0
    for (let i = 0; i < numbers.length; i++) {
      error += weight[i]! * (numbers[i]! - candidate * toWhole(numbers[i]! * inverse, zero)) ** 2
    }
    return error
  }
  return errorOf(other) < errorOf(value) ? other : value
}

/** Added and taken off again, it leaves a 64-bit float as a whole number, at a fraction of what Math.round takes. */
const ROUNDER = 1.5 * 2 ** 52

/** To nearest, within -zero .. zero - 1. */
function toWhole(number: number, zero: number): number {
  const whole = number + ROUNDER - ROUNDER
  return whole < -zero ? -zero : whole > zero - 1 ? zero - 1 : whole
}

/** The matrix as floats again [N, K]. */
export function unpackMatrix({ shape: [N, K], bits, block, data, scales }: PackedMatrix): Float32Array {
  const zero = 2 ** (bits - 1)
  const values = new Float32Array(N * K)
  for (let i = 0; i < values.length; i++) {
    const q = bits === 8 ? data[i]! : (data[i >> 1]! >> (4 * (i & 1))) & 15
    values[i] = scales[Math.floor(i / block)]! * (q - zero)
  }
  return values
}

/** @throws bad-input as `fitScales`, but for numbers that are not finite */
export function checkPackable(values: Float32Array, shape: readonly [number, number], options: PackOptions): void {
  const { block, importance } = options
  const [N, K] = shape
  const problem =
    values.length === N * K
      ? BLOCKS.includes(block)
        ? K % block === 0
          ? importance && importance.length !== K
            ? `${importance.length} importances for ${K} columns`
            : undefined
          : `blocks of ${block} do not divide rows of ${K}`
        : `a block of ${block} is none of ${BLOCKS.join(', ')}`
      : `${values.length} numbers do not fill the shape ${showShape(shape)}`
  if (problem) throw new StemkitError('bad-input', `pack: ${problem}`)
}

/** The largest block size up to `wanted` that divides rows of K numbers; undefined if not even 16 does. */
export function blockFor(K: number, wanted: number): number | undefined {
  return BLOCKS.findLast((block) => block <= wanted && K % block === 0)
}
