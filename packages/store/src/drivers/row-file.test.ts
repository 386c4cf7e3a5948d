import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkRowFileSize,
  decodeMeta,
  encodeMeta,
  metaPath,
  MOST_ROW_BYTES,
  MOST_ROWS,
  readRowHeader,
  ROW_HEADER_BYTES,
  ROW_HEADER_COPIES,
  rowHeader,
  rowOffset,
} from './row-file.ts'

const geometries = fc.record({
  rows: fc.integer({ min: 0, max: MOST_ROWS }),
  rowBytes: fc.integer({ min: 1, max: MOST_ROW_BYTES }),
})

/** Its fields, which begin at 0 and `starts`. */
const hex = (bytes: Uint8Array, ...starts: number[]): string =>
  [0, ...starts].map((start, at) => Buffer.from(bytes.subarray(start, starts[at])).toString('hex')).join(' ')

function headerOf(...copies: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(ROW_HEADER_BYTES)
  copies.forEach((copy, at) => bytes.set(copy, ROW_HEADER_COPIES[at]!))
  return bytes
}

describe('the header of rows.bin', () => {
  test('is these bytes', () => {
    expect(hex(rowHeader({ rows: 50_257, rowBytes: 33_792 }), 8, 12, 16, 24, 28)).toBe(
      '5354454d524f5753 01000000 00840000 51c4000000000000 00000000 82ee548f',
    )
  })

  test('gives back what it was made of', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        const copy = rowHeader(geometry)
        expect(readRowHeader(headerOf(copy, copy), 'x')).toEqual(geometry)
      }),
    )
  })

  test('survives any damage to one copy, and damage to both is found', () => {
    const flips = fc.record({ at: fc.nat({ max: 31 }), bit: fc.nat({ max: 7 }) })
    const damage = (copy: Uint8Array, { at, bit }: { at: number; bit: number }): Uint8Array =>
      copy.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte))
    fc.assert(
      fc.property(geometries, flips, flips, (geometry, one, other) => {
        const copy = rowHeader(geometry)
        expect(readRowHeader(headerOf(damage(copy, one), copy), 'x')).toEqual(geometry)
        expect(readRowHeader(headerOf(copy, damage(copy, one)), 'x')).toEqual(geometry)
        expect(() => readRowHeader(headerOf(damage(copy, one), damage(copy, other)), 'the file')).toThrow(
          'the file: the header is damaged',
        )
      }),
    )
  })

  test('in mid-resize is that with more rows', () => {
    const [few, many] = [rowHeader({ rows: 5, rowBytes: 8 }), rowHeader({ rows: 9, rowBytes: 8 })]
    expect(readRowHeader(headerOf(many, few), 'x').rows).toBe(9)
    expect(readRowHeader(headerOf(few, many), 'x').rows).toBe(9)
  })

  test('of two row sizes and of another kind of file is refused', () => {
    const copies = [8, 16].map((rowBytes) => rowHeader({ rows: 5, rowBytes }))
    expect(() => readRowHeader(headerOf(...copies), 'x')).toThrow('rows of 8 and 16 bytes')
    expect(() => readRowHeader(new Uint8Array(ROW_HEADER_BYTES), 'x')).toThrow('no file of stemkit rows')
    expect(() => readRowHeader(new Uint8Array(3), 'x')).toThrow('no file of stemkit rows')
  })

  test('says how long the file is at least', () => {
    const geometry = { rows: 3, rowBytes: 10 }
    expect(rowOffset(3, 10)).toBe(4126)
    checkRowFileSize(geometry, 4126, 'x')
    checkRowFileSize(geometry, 5000, 'x')
    expect(() => checkRowFileSize(geometry, 4125, 'x')).toThrow('x: 4125 bytes, but 3 rows of 10 bytes need 4126')
  })
})

describe('a meta as a file', () => {
  const VERSION = '00c0ffee00c0ffee'

  test('is these bytes', () => {
    expect(hex(encodeMeta(Uint8Array.of(1, 2, 3), VERSION), 8, 12, 16, 24, 28, 32)).toBe(
      '5354454d4d455441 01000000 03000000 eeffc000eeffc000 1d80bc55 f42253f5 010203',
    )
  })

  test('gives back bytes and version', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bytes, number) => {
        const version = number.toString(16).padStart(16, '0')
        const meta = decodeMeta(encodeMeta(bytes, version), 'x')
        expect(meta.version).toBe(version)
        expect([...meta.bytes]).toEqual([...bytes])
      }),
    )
  })

  test('with any bit flipped, cut at any place or made longer is corrupt', () => {
    const file = encodeMeta(
      Uint8Array.from({ length: 40 }, (_, i) => i),
      VERSION,
    )
    const corrupt = expect.objectContaining({ code: 'corrupt', message: expect.stringMatching(/^the file: /) })
    const error = (bytes: Uint8Array): unknown => {
      try {
        return decodeMeta(bytes, 'the file')
      } catch (thrown) {
        return thrown
      }
    }
    for (let at = 0; at < file.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = file.slice()
        flipped[at]! ^= 1 << bit
        expect(error(flipped), `byte ${at}, bit ${bit}`).toEqual(corrupt)
      }
      expect(error(file.subarray(0, at)), `cut to ${at}`).toEqual(corrupt)
    }
    expect(error(new Uint8Array([...file, 0]))).toEqual(corrupt)
  })

  test('lies in meta/, under a name that no path can hide in', () => {
    expect(metaPath('root.v-2')).toBe('meta/root.v-2')
    for (const name of ['', '..', '../x', '_x', 'a/b', 'A']) expect(() => metaPath(name)).toThrow('is no name')
  })
})

test('a later version of the format is told apart from damage', async () => {
  const { crc32 } = await import('../codec/checksum.ts')
  const later = (record: Uint8Array): Uint8Array => {
    const bytes = record.slice()
    bytes[8] = 2
    new DataView(bytes.buffer).setUint32(28, crc32(bytes.subarray(0, 28)), true)
    return bytes
  }
  const header = later(rowHeader({ rows: 1, rowBytes: 1 }))
  expect(() => readRowHeader(headerOf(header, header), 'x')).toThrow(
    expect.objectContaining({
      code: 'unsupported',
      message: 'x: version 2 of the format, this stemkit reads 1: use a later one',
    }),
  )
  expect(() => decodeMeta(later(encodeMeta(new Uint8Array(0), '0'.repeat(16))), 'x')).toThrow(
    expect.objectContaining({ code: 'unsupported' }),
  )
})
