import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RowDtype, type RowLayout, valueBytes } from '../layout.ts'
import { decodeRows, encodeRows } from './convert.ts'

const layoutOf = (dtype: RowDtype, layers: number, width: number): RowLayout => ({
  dtype,
  layers,
  width,
  state: 'none',
})

const dtypes: RowDtype[] = ['f32', 'f16', 'bf16', 'int8']

/** Values that every dtype but int8 keeps exactly; int8 too, since 127 is among each vector's and the scale becomes 1. */
function exactBlocks(layers: number, rows: number, width: number): Float32Array {
  return Float32Array.from({ length: layers * rows * width }, (_, i) => (i % width === 0 ? 127 : ((i * 7) % 255) - 127))
}

describe('rows at rest', () => {
  test.each(dtypes)('of %s come back, from any slots and stride, into any rows of a block', (dtype) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 70 }),
        fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 8 }),
        fc.nat(3),
        fc.nat(2),
        (layers, width, slots, words, shift) => {
          const layout = layoutOf(dtype, layers, width)
          const stride = valueBytes(layout) + 4 * words
          const bytes = new Uint8Array(12 * stride + 8).subarray(4 * shift).fill(0xee)
          const packed = { bytes, stride, slots: Uint32Array.from(slots) }
          const blocks = exactBlocks(layers, slots.length, width)
          encodeRows(layout, blocks, packed)

          const all = new Float32Array(blocks.length)
          decodeRows(layout, packed, all)
          expect(all).toEqual(blocks)

          // Only what belongs to the slots was written.
          for (let slot = 0; slot < 12; slot++) {
            const from = slots.includes(slot) ? slot * stride + valueBytes(layout) : slot * stride
            expect(bytes.subarray(from, (slot + 1) * stride).every((byte) => byte === 0xee)).toBe(true)
          }

          // One row alone, into the last row of a larger block.
          const larger = new Float32Array(layers * (slots.length + 2) * width).fill(9)
          const last = Int32Array.of(slots.length + 1)
          decodeRows(layout, { bytes, stride, slots: Int32Array.of(slots[0]!) }, larger, last)
          for (let layer = 0; layer < layers; layer++) {
            const at = (layer * (slots.length + 2) + slots.length + 1) * width
            const own = blocks.subarray(layer * slots.length * width, (layer * slots.length + 1) * width)
            expect(larger.subarray(at, at + width)).toEqual(own.slice(0, width))
            larger.fill(9, at, at + width)
          }
          expect(larger.every((x) => x === 9)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('lie layer after layer, little-endian, and int8 has its scales behind', () => {
    const blocks = Float32Array.of(1, -2, 3, /* layer 1 */ 0, 0.5, -127)
    const pack = (dtype: RowDtype): number[] => {
      const layout = layoutOf(dtype, 2, 3)
      const bytes = new Uint8Array(valueBytes(layout)).fill(0xee)
      encodeRows(layout, blocks, { bytes, stride: bytes.length })
      return [...bytes]
    }
    const bytesOf = (values: ArrayBufferView): number[] => [
      ...new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    ]
    expect(pack('f32')).toEqual(bytesOf(blocks))
    expect(pack('f16')).toEqual(bytesOf(Uint16Array.of(0x3c00, 0xc000, 0x4200, 0, 0x3800, 0xd7f0)))
    expect(pack('bf16')).toEqual(bytesOf(Uint16Array.of(0x3f80, 0xc000, 0x4040, 0, 0x3f00, 0xc2fe)))
    const integers = Int8Array.of(42, -85, 127, 0, 0, -127, 0, 0)
    expect(pack('int8')).toEqual([...bytesOf(integers), ...bytesOf(Float32Array.of(3 / 127, 1))])
  })

  test('of f32 keep every bit, of narrow and of wide rows', () => {
    for (const width of [3, 100]) {
      const bits = Uint32Array.from({ length: 2 * width }, (_, i) => [0x7f800001, 0x80000000, 0xffc12345, 1][i % 4]!)
      const layout = layoutOf('f32', 2, width)
      const bytes = new Uint8Array(valueBytes(layout))
      encodeRows(layout, new Float32Array(bits.buffer), { bytes, stride: bytes.length })
      const back = new Float32Array(2 * width)
      decodeRows(layout, { bytes, stride: bytes.length }, back)
      expect(new Uint32Array(back.buffer)).toEqual(bits)
    }
  })

  test('may lie in shared memory', () => {
    const layout = layoutOf('f16', 1, 5)
    const bytes = new Uint8Array(new SharedArrayBuffer(2 * 12))
    const blocks = exactBlocks(1, 2, 5)
    encodeRows(layout, blocks, { bytes, stride: 12 })
    const back = new Float32Array(new SharedArrayBuffer(blocks.byteLength))
    decodeRows(layout, { bytes, stride: 12 }, back)
    expect([...back]).toEqual([...blocks])
  })
})

describe('int8', () => {
  const roundTrip = (values: Float32Array): { back: Float32Array; scale: number } => {
    const layout = layoutOf('int8', 1, values.length)
    const bytes = new Uint8Array(valueBytes(layout))
    encodeRows(layout, values, { bytes, stride: bytes.length })
    const back = new Float32Array(values.length)
    decodeRows(layout, { bytes, stride: bytes.length }, back)
    return { back, scale: new DataView(bytes.buffer).getFloat32(bytes.length - 4, true) }
  }

  test('is off by at most half a scale, of values of any size', () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true })
    const alike = fc
      .tuple(fc.integer({ min: -149, max: 127 }), fc.array(fc.integer({ min: -999, max: 999 })))
      .map(([exponent, units]) => units.map((unit) => (unit / 1000) * 2 ** exponent))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(finite, { minLength: 1 }),
          alike.filter((values) => values.length > 0),
        ),
        (values) => {
          const x = Float32Array.from(values)
          const { back, scale } = roundTrip(x)
          const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
          if (scale >= 2 ** -126 && largest < 2 ** 127) expect(scale).toBe(Math.fround(largest / 127))
          // Half a scale, and half a unit in the last place of the float32 that `scale * integer` becomes.
          const bound = scale * (0.5 + 127 * 2 ** -24)
          return x.every((value, i) => Math.abs(value - back[i]!) <= bound)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('keeps the largest float32 finite, and the smallest apart from zero', () => {
    for (const value of [(2 - 2 ** -23) * 2 ** 127, 2 ** -149, 190 * 2 ** -149]) {
      const { back, scale } = roundTrip(Float32Array.of(value, -value, 0))
      expect(Math.abs(back[0]! - value)).toBeLessThanOrEqual(scale / 2)
      expect([back[1], back[2]]).toEqual([-back[0]!, 0])
    }
  })

  test('has one scale per row and layer: a large row does not coarsen its neighbours', () => {
    const layout = layoutOf('int8', 2, 2)
    const blocks = Float32Array.of(1000, 1, /* row 1 */ 0.001, 0.0005, /* layer 1 */ 1, 1, /* row 1 */ 0, 0)
    const bytes = new Uint8Array(2 * valueBytes(layout))
    encodeRows(layout, blocks, { bytes, stride: valueBytes(layout) })
    const back = new Float32Array(8)
    decodeRows(layout, { bytes, stride: valueBytes(layout) }, back)
    expect(back[3]).toBeCloseTo(0.0005, 5)
    expect([...back.subarray(4)]).toEqual([1, 1, 0, 0])
  })

  test('a row of zeros has the scale 0', () => {
    expect(roundTrip(Float32Array.of(0, -0, 0))).toEqual({ back: new Float32Array(3), scale: 0 })
  })

  test.each([NaN, Infinity, -Infinity])('refuses %s, naming row and layer', (value) => {
    const layout = layoutOf('int8', 2, 2)
    const blocks = Float32Array.of(1, 1, 1, 1, 1, 1, value, 1)
    const into = { bytes: new Uint8Array(24), stride: 12 }
    expect(() => encodeRows(layout, blocks, into)).toThrow(
      'row codec: row 1 of the block has a NaN or an infinity in layer 1, int8 cannot hold it',
    )
  })
})

describe('what does not fit is refused before anything is written', () => {
  const layout = layoutOf('f16', 2, 3)
  const bytes = new Uint8Array(64)
  const blocks = new Float32Array(2 * 3 * 4)

  test.each<[string, () => void]>([
    ['25 values are not 2 layers of rows of 3', () => decodeRows(layout, { bytes, stride: 12 }, new Float32Array(25))],
    ['no multiple of 4', () => decodeRows(layout, { bytes: bytes.subarray(2), stride: 12 }, blocks)],
    ['a stride of 8 bytes for rows of 12', () => decodeRows(layout, { bytes, stride: 8 }, blocks)],
    ['a stride of 14 bytes', () => decodeRows(layout, { bytes, stride: 14 }, blocks)],
    ['slot 3 is not within 64 bytes', () => decodeRows(layout, { bytes, stride: 20 }, blocks)],
    ['3 slots for 4 rows', () => decodeRows(layout, { bytes, stride: 12, slots: Uint32Array.of(0, 1, 2) }, blocks)],
    ['slot 9 is', () => decodeRows(layout, { bytes, stride: 12, slots: Uint32Array.of(0, 9, 2, 1) }, blocks)],
    ['slot Infinity is', () => decodeRows(layout, { bytes, stride: 12, slots: Int32Array.of(0, -1, 2, 1) }, blocks)],
    ['row 4 of a block of 4', () => encodeRows(layout, blocks, { bytes, stride: 12 }, Uint32Array.of(0, 4))],
  ])('%s', (what, convert) => {
    expect(convert).toThrow(what)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
  })
})
