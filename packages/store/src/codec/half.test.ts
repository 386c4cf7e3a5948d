import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from './half.ts'

interface Half {
  readonly decode: typeof decodeF16
  readonly encode: typeof encodeF16
  readonly exponentBits: number
  readonly fractionBits: number
}

const halves: Record<string, Half> = {
  f16: { decode: decodeF16, encode: encodeF16, exponentBits: 5, fractionBits: 10 },
  bf16: { decode: decodeBf16, encode: encodeBf16, exponentBits: 8, fractionBits: 7 },
}

/** What a pattern stands for, by the definition of IEEE 754 and in float64. */
function valueOf(pattern: number, { exponentBits, fractionBits }: Half): number {
  const sign = pattern & 0x8000 ? -1 : 1
  const exponent = (pattern & 0x7fff) >> fractionBits
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
}

const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i)

describe.each(Object.entries(halves))('%s', (_name, half) => {
  const round = (values: Float32Array): Uint16Array => {
    const into = new Uint16Array(values.length)
    half.encode(new Uint32Array(values.buffer), 0, into, 0, values.length)
    return into
  }
  const infinity = (2 ** half.exponentBits - 1) << half.fractionBits

  test('every pattern means what the standard says', () => {
    const values = new Float32Array(65536)
    half.decode(patterns, 0, new Uint32Array(values.buffer), 0, 65536)
    expect(values.findIndex((value, i) => !Object.is(value, valueOf(i, half)))).toBe(-1)
  })

  test('every pattern survives the way to float32 and back, NaNs with their payload, made quiet', () => {
    const bits = new Uint32Array(65536)
    half.decode(patterns, 0, bits, 0, 65536)
    const back = new Uint16Array(65536)
    half.encode(bits, 0, back, 0, 65536)
    const quiet = 1 << (half.fractionBits - 1)
    const expected = patterns.map((pattern) => ((pattern & 0x7fff) > infinity ? pattern | quiet : pattern))
    expect(back.findIndex((pattern, i) => pattern !== expected[i])).toBe(-1)
  })

  test('half-way between two neighbours the even one is taken, a hair beside it the nearer one', () => {
    const below = Float32Array.from({ length: infinity }, (_, i) => i)
    const above = below.map((_, i) => i + 1)
    const middles = below.map((_, i) => {
      // Past the largest the neighbour is where the next one would be, were it finite.
      const next = i + 1 === infinity ? 2 * valueOf(i, half) - valueOf(i - 1, half) : valueOf(i + 1, half)
      return (valueOf(i, half) + next) / 2
    })
    const nudged = (by: 1 | -1): Float32Array =>
      new Float32Array(new Uint32Array(middles.buffer).map((bits) => bits + by).buffer)
    const firstWrong = (got: Uint16Array, want: (i: number) => number): number => got.findIndex((x, i) => x !== want(i))
    expect(firstWrong(round(middles), (i) => i + (i % 2))).toBe(-1)
    // The middle of the two smallest bf16 values is exact in float32, as are all others: its lowest 16 bits are free.
    expect(firstWrong(round(nudged(-1)), (i) => below[i]!)).toBe(-1)
    expect(firstWrong(round(nudged(1)), (i) => above[i]!)).toBe(-1)
    expect(firstWrong(round(middles.map((x) => -x)), (i) => 0x8000 | (i + (i % 2)))).toBe(-1)
  })

  test('any float32 becomes a nearest one', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        const got = round(Float32Array.of(x))[0]!
        expect(got >> 15).toBe(Object.is(x, 0) || x > 0 ? 0 : 1)
        const error = Math.abs(valueOf(got, half) - x)
        if ((got & 0x7fff) === infinity) return Math.abs(x) > valueOf(infinity - 1, half)
        if ((got & 0x7fff) > 0 && Math.abs(valueOf(got - 1, half) - x) < error) return false
        return !(Math.abs(valueOf(got + 1, half) - x) < error)
      }),
      { numRuns: 2000 },
    )
  })
})
