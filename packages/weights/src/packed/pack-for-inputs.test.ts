import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inverseFactor } from './cholesky.ts'
import { packForInputs, rowProblem } from './pack-for-inputs.ts'
import { packMatrix, unpackMatrix } from './pack-matrix.ts'
import { refineRow } from './refine-row.ts'
import { roundRow } from './round-row.ts'
import type { PackedRow } from './row-problem.ts'

const randomOf = (seed: number): (() => number) => {
  let state = seed + 1
  return () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5
}

/** Inputs [count, K] of which neighbours go together, as activations do. */
function relatedInputs(count: number, K: number, seed: number): Float32Array {
  const random = randomOf(seed)
  const inputs = new Float32Array(count * K)
  for (let i = 0; i < count; i++) {
    let last = 0
    for (let k = 0; k < K; k++) inputs[i * K + k] = last = 0.9 * last + random()
  }
  return inputs
}

function gramOf(inputs: Float32Array, K: number): Float32Array {
  const gram = new Float32Array(K * K)
  for (let i = 0; i < inputs.length; i += K) {
    for (let a = 0; a < K; a++) for (let b = 0; b < K; b++) gram[a * K + b]! += inputs[i + a]! * inputs[i + b]!
  }
  return gram
}

/** Of the products x W^T, summed over inputs and rows. */
function productError(inputs: Float32Array, a: Float32Array, b: Float32Array, K: number): number {
  let sum = 0
  for (let i = 0; i < inputs.length; i += K) {
    for (let n = 0; n < a.length; n += K) {
      let difference = 0
      for (let k = 0; k < K; k++) difference += inputs[i + k]! * (a[n + k]! - b[n + k]!)
      sum += difference * difference
    }
  }
  return sum
}

describe('packing for the inputs that a matrix is used with', () => {
  const [N, K] = [24, 64]
  const random = randomOf(7)
  const values = Float32Array.from({ length: N * K }, random)
  const sample = relatedInputs(300, K, 1)
  const others = relatedInputs(300, K, 2)

  test.each([
    [4, 32],
    [4, 64],
    [8, 32],
  ] as const)(
    'halves the error of %s-bit products in blocks of %s, of inputs that were not in the sample too',
    (bits, block) => {
      const options = { bits, block }
      const plain = unpackMatrix(packMatrix(values, [N, K], options))
      const fitted = unpackMatrix(packForInputs(values, [N, K], gramOf(sample, K), options))
      for (const inputs of [sample, others]) {
        expect(productError(inputs, values, fitted, K)).toBeLessThan(0.5 * productError(inputs, values, plain, K))
      }
    },
  )

  test('of inputs that do not go together is hardly better than rounding to nearest, and never worse', () => {
    const identity = Float32Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 1 : 0))
    const options = { bits: 4, block: 32 } as const
    const [fitted, plain] = [packForInputs(values, [N, K], identity, options), packMatrix(values, [N, K], options)].map(
      (packed) => productError(identity, values, unpackMatrix(packed), K),
    )
    expect(fitted).toBeLessThanOrEqual(plain!)
    expect(fitted).toBeGreaterThan(0.9 * plain!)
  })

  test('refines a row that was rounded column by column', () => {
    const gram = gramOf(sample, K)
    const problem = rowProblem(gram, { bits: 4, block: 32 })
    for (let n = 0; n < N; n++) {
      const row = values.subarray(n * K, (n + 1) * K)
      const rounded = roundRow(row, problem)
      const refined = refineRow(row, rounded, problem)
      const errorOf = ({ whole, scales }: PackedRow): number =>
        productError(
          sample,
          row,
          Float32Array.from(whole, (q, k) => q * scales[Math.floor(k / 32)]!),
          K,
        )
      expect(errorOf(refined)).toBeLessThan(1.001 * errorOf(rounded))
    }
  })

  test('copes with inputs that are never there, and with none at all', () => {
    const gram = gramOf(sample, K)
    for (let k = 0; k < K; k++) gram[5 * K + k] = gram[k * K + 5] = 0
    for (const some of [gram, new Float32Array(K * K)]) {
      const fitted = unpackMatrix(packForInputs(values, [N, K], some, { bits: 8, block: 32 }))
      expect(productError(sample, values, fitted, K)).toBeLessThan(
        1e-4 * productError(sample, values, new Float32Array(N * K), K),
      )
    }
  })

  test('refuses a gram of another size, or of no numbers', () => {
    expect(() => packForInputs(values, [N, K], new Float32Array(9), { bits: 4, block: 32 })).toThrow('of 9 numbers')
    const broken = new Float32Array(K * K).fill(Number.NaN)
    expect(() => packForInputs(values, [N, K], broken, { bits: 4, block: 32 })).toThrow('not finite')
  })
})

test('the upper factor of an inverse multiplies to it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(1000), (K, seed) => {
      const gram = Float64Array.from(gramOf(relatedInputs(3 * K, K, seed), K))
      for (let k = 0; k < K; k++) gram[k * K + k]! += 0.1
      const upper = inverseFactor(gram, K)!
      const at = (i: number, j: number): number => upper[i * K + j]!
      for (let i = 0; i < K; i++) {
        for (let j = 0; j < K; j++) {
          // (U^T U) A = 1
          let product = 0
          for (let k = 0; k < K; k++) {
            let inverse = 0
            for (let m = 0; m < K; m++) inverse += at(m, i) * at(m, k)
            product += inverse * gram[k * K + j]!
          }
          expect(product).toBeCloseTo(i === j ? 1 : 0, 6)
          if (i > j) expect(at(i, j)).toBe(0)
        }
      }
    }),
    { numRuns: 30 },
  )
})
