import { fromFloat16 } from '@stemkit/weights'
import { describe, expect, test } from 'vitest'
import { encodeWeights } from './encode-weights.ts'

const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * 1.7) * (i < 32 ? 1 : 0.01))

const scaleAt = (encoded: Uint8Array, at: number): number => fromFloat16(encoded[at]! | (encoded[at + 1]! << 8))

function decodeQ4(encoded: Uint8Array): number[] {
  return Array.from({ length: 64 }, (_, i) => {
    const [block, within] = [Math.floor(i / 32) * 18, i % 32]
    const byte = encoded[block + 2 + (within % 16)]!
    return ((within < 16 ? byte & 15 : byte >>> 4) - 8) * scaleAt(encoded, block)
  })
}

function decodeQ8(encoded: Uint8Array): number[] {
  const signed = new Int8Array(encoded.buffer)
  return Array.from({ length: 64 }, (_, i) => {
    const block = Math.floor(i / 32) * 34
    return signed[block + 2 + (i % 32)]! * scaleAt(encoded, block)
  })
}

describe.each([
  { type: 'Q4_0', bytes: 36, decode: decodeQ4, levels: 8 },
  { type: 'Q8_0', bytes: 68, decode: decodeQ8, levels: 127 },
] as const)('$type', ({ type, bytes, decode, levels }) => {
  test('keeps every weight to within a step of its own block', () => {
    const encoded = encodeWeights(type, values)
    expect(encoded).toHaveLength(bytes)
    decode(encoded).forEach((value, i) => {
      const largest = Math.max(...values.subarray(i < 32 ? 0 : 32, i < 32 ? 32 : 64).map(Math.abs))
      expect(Math.abs(value - values[i]!)).toBeLessThan((1.01 * largest) / levels)
    })
  })

  test('keeps zeros', () => {
    expect(decode(encodeWeights(type, new Float32Array(64))).every((value) => value === 0)).toBe(true)
  })
})

test('F16 and F32 are what they say', () => {
  expect([...new Uint16Array(encodeWeights('F16', Float32Array.of(1, -2)).buffer)]).toEqual([0x3c00, 0xc000])
  expect(encodeWeights('F32', values)).toHaveLength(256)
})
