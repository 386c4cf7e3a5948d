import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBfloat16, toBfloat16 } from '../half.ts'
import { blockFor, packMatrix, unpackMatrix } from './pack-matrix.ts'

/** Numbers as a trained matrix has them: many small ones, few large. */
function bellShaped(length: number, seed = 1): Float32Array {
  let state = seed
  const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()) * 0.02,
  )
}

const squaredError = (a: Float32Array, b: Float32Array): number => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0)
const relativeError = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(squaredError(a, b) / a.reduce((sum, v) => sum + v * v, 0))

describe('a packed matrix', () => {
  test('lies as MatMulNBits reads it: the low half of a byte first, zero at the middle', () => {
    const values = Float32Array.from({ length: 16 }, (_, i) => i - 8)
    const four = packMatrix(values, [1, 16], { bits: 4, block: 16 })
    expect(four.scales[0]).toBeCloseTo(1, 6)
    expect([...four.data]).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe])
    const eight = packMatrix(values, [1, 16], { bits: 8, block: 16 })
    expect(eight.data[0]).toBe(0)
    expect(eight.data[8]).toBe(128)
    expect(eight.scales[0]! * -128).toBeCloseTo(-8, 1)
  })

  test('keeps whole numbers in range exactly, whatever the scale, if it has 8 bits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -8, max: 7 }), { minLength: 32, maxLength: 32 }),
        fc.constantFrom(1, -0.5, fromBfloat16(toBfloat16(0.001)), 3),
        (whole, scale) => {
          // The extreme of each block fixes its scale.
          const values = Float32Array.from([-8, ...whole.slice(1, 16), -8, ...whole.slice(17)], (q) => q * scale)
          const unpacked = unpackMatrix(packMatrix(values, [2, 16], { bits: 4, block: 16 }))
          for (const [i, value] of unpacked.entries()) expect(value).toBeCloseTo(values[i]!, 6)
        },
      ),
    )
  })

  test('has scales of 16 bits beside 4, whose lower half is zero', () => {
    const { scales } = packMatrix(bellShaped(64 * 256), [64, 256], { bits: 4, block: 32 })
    expect(new Uint32Array(scales.buffer).every((bits) => (bits & 0xffff) === 0)).toBe(true)
  })

  test('is as close as its bits allow, and closer with smaller blocks', () => {
    const values = bellShaped(64 * 256)
    const error = (bits: 4 | 8, block: number): number =>
      relativeError(values, unpackMatrix(packMatrix(values, [64, 256], { bits, block })))
    expect(error(8, 128)).toBeLessThan(0.007)
    expect(error(4, 128)).toBeLessThan(0.1)
    expect(error(4, 32)).toBeLessThan(0.084)
    expect(error(4, 32)).toBeLessThan(error(4, 64))
    expect(error(4, 64)).toBeLessThan(error(4, 128))
  })

  test('is closer than rounding to nearest over the whole range', () => {
    const values = bellShaped(128 * 32)
    const nearest = values.slice()
    for (let b = 0; b < 32; b++) {
      const part = nearest.subarray(128 * b, 128 * (b + 1))
      const scale = part.reduce((m, v) => (Math.abs(v) > Math.abs(m) ? v : m), 0) / -8
      for (const [i, v] of part.entries()) part[i] = scale * Math.max(-8, Math.min(7, Math.round(v / scale)))
    }
    const packed = unpackMatrix(packMatrix(values, [32, 128], { bits: 4, block: 128 }))
    expect(squaredError(values, packed)).toBeLessThan(0.95 * squaredError(values, nearest))
  })

  test('puts the error where it counts least', () => {
    const values = bellShaped(8 * 128)
    const importance = Float32Array.from({ length: 128 }, (_, k) => (k < 64 ? 100 : 1))
    const errorIn = (weighted: boolean): number => {
      const options = { bits: 4, block: 128, ...(weighted ? { importance } : {}) } as const
      const unpacked = unpackMatrix(packMatrix(values, [8, 128], options))
      return values.reduce((sum, v, i) => sum + importance[i % 128]! * (v - unpacked[i]!) ** 2, 0)
    }
    expect(errorIn(true)).toBeLessThan(errorIn(false))
  })

  test('of zeros is zeros', () => {
    expect(unpackMatrix(packMatrix(new Float32Array(32), [1, 32], { bits: 4, block: 32 }))).toEqual(
      new Float32Array(32),
    )
  })
})

test('bad input is named', () => {
  const values = new Float32Array(48)
  expect(() => packMatrix(values, [1, 47], { bits: 4, block: 16 })).toThrow('48 numbers do not fill the shape [1, 47]')
  expect(() => packMatrix(values, [1, 48], { bits: 4, block: 24 })).toThrow('a block of 24 is none of')
  expect(() => packMatrix(values, [1, 48], { bits: 4, block: 32 })).toThrow('blocks of 32 do not divide rows of 48')
  values[20] = Number.NaN
  expect(() => packMatrix(values, [1, 48], { bits: 8, block: 16 })).toThrow('row 0 of the matrix has a number that is')
})

test('the block for a width is the largest that divides it', () => {
  expect([1024, 288, 48, 20].map((width) => blockFor(width, 128))).toEqual([128, 32, 16, undefined])
})
