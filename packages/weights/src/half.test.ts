import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeBfloat16,
  decodeFloat16,
  encodeBfloat16,
  encodeFloat16,
  fromBfloat16,
  fromFloat16,
  toBfloat16,
  toFloat16,
} from './half.ts'

const PATTERNS = Array.from({ length: 0x10000 }, (_, pattern) => pattern)
const float32 = fc.float({ noNaN: true })
const f16round = (Math as unknown as { f16round: (value: number) => number }).f16round

/** The magnitude that is nearest, of the two neighbours among all finite patterns; of equals the even pattern. */
const nearest = (value: number, decode: (pattern: number) => number, infinity: number): number => {
  let low = 0
  let high = infinity
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (decode(middle) <= value) low = middle
    else high = middle
  }
  // What would be the next number after the largest marks where rounding goes to infinity.
  const next = high === infinity ? 2 * decode(infinity - 1) - decode(infinity - 2) : decode(high)
  const [down, up] = [value - decode(low), next - value]
  return down < up || (down === up && low % 2 === 0) ? low : high
}

test('many at once are as one by one, bit for bit', () => {
  const patterns = Uint16Array.from(PATTERNS)
  expect(decodeFloat16(patterns)).toEqual(Float32Array.from(PATTERNS, fromFloat16))
  expect(decodeBfloat16(patterns)).toEqual(Float32Array.from(PATTERNS, fromBfloat16))
  const values = Float32Array.from({ length: 10_000 }, (_, i) => Math.sin(i) * 10 ** ((i % 90) - 45))
  expect(encodeFloat16(values)).toEqual(Uint16Array.from(values, toFloat16))
  expect(encodeBfloat16(values)).toEqual(Uint16Array.from(values, toBfloat16))
})

describe('F16', () => {
  test('every pattern is read as its number and written back as itself; NaN stays NaN', () => {
    for (const pattern of PATTERNS) {
      const value = fromFloat16(pattern)
      if (Number.isNaN(value)) expect(fromFloat16(toFloat16(value))).toBeNaN()
      else if (toFloat16(value) !== pattern) expect.fail(`${pattern} became ${toFloat16(value)}`)
    }
  })

  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x3555, 0.333251953125],
  ])('%i is %d', (pattern, value) => {
    expect(fromFloat16(pattern)).toBe(value)
    expect(toFloat16(value)).toBe(pattern)
  })

  test.each([
    ['ties go to the even neighbour', 1 + 2 ** -11, 0x3c00],
    ['ties go to the even neighbour, upwards too', 1 + 3 * 2 ** -11, 0x3c02],
    ['just below the tie to infinity', 65519.99609375, 0x7bff],
    ['infinity from 65520 on', 65520, 0x7c00],
    ['a rounding that carries into the next exponent', 2 - 2 ** -12, 0x4000],
    ['a subnormal that rounds up to a normal', 2 ** -14 - 2 ** -26, 0x0400],
    ['half the smallest subnormal is zero', 2 ** -25, 0x0000],
    ['a little more is the smallest', 2 ** -25 + 2 ** -40, 0x0001],
    ['the smallest 32-bit float is zero, with its sign', -(2 ** -149), 0x8000],
  ])('%s', (_, value, pattern) => {
    expect(toFloat16(value)).toBe(pattern)
  })

  test('rounds every 32-bit float to the nearest, as the runtime does', () => {
    fc.assert(
      fc.property(float32, (value) => {
        expect(fromFloat16(toFloat16(value))).toBe(f16round(value))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.float({ min: -70000, max: 70000, noNaN: true }), (value) => {
        expect(toFloat16(value) & 0x7fff).toBe(nearest(Math.abs(value), fromFloat16, 0x7c00))
      }),
    )
  })
})

describe('BF16', () => {
  test('every pattern is written back as itself; NaN stays NaN', () => {
    for (const pattern of PATTERNS) {
      const value = fromBfloat16(pattern)
      if (Number.isNaN(value)) expect(fromBfloat16(toBfloat16(value))).toBeNaN()
      else if (toBfloat16(value) !== pattern) expect.fail(`${pattern} became ${toBfloat16(value)}`)
    }
  })

  test.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3f80, 1],
    [0x4049, 3.140625],
    [0x0001, 2 ** -133],
    [0x7f80, Infinity],
    [0xff80, -Infinity],
  ])('%i is %d', (pattern, value) => {
    expect(fromBfloat16(pattern)).toBe(value)
    expect(toBfloat16(value)).toBe(pattern)
  })

  test('a NaN whose payload is in the lost bits does not become infinity', () => {
    const bits = Uint32Array.of(0x7f800001)
    expect(fromBfloat16(toBfloat16(new Float32Array(bits.buffer)[0]!))).toBeNaN()
  })

  test('the largest 32-bit float rounds to infinity', () => {
    expect(toBfloat16(3.4028234663852886e38)).toBe(0x7f80)
  })

  test('rounds every 32-bit float to the nearest, ties to even', () => {
    fc.assert(
      fc.property(float32, (value) => {
        fc.pre(Number.isFinite(value))
        expect(toBfloat16(value) & 0x7fff).toBe(nearest(Math.abs(value), fromBfloat16, 0x7f80))
        expect(toBfloat16(value) >>> 15).toBe(value < 0 || Object.is(value, -0) ? 1 : 0)
      }),
      { numRuns: 2000 },
    )
  })
})
