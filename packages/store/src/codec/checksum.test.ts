import { crc32 as zlibCrc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32, portableCrc32 } from './checksum.ts'

const ascii = (text: string) => new TextEncoder().encode(text)

describe.each([
  ['the checksum in use', crc32],
  ['the checksum without Node', portableCrc32],
])('%s', (_name, checksum) => {
  test('is CRC-32 as others compute it', () => {
    expect(checksum(new Uint8Array(0))).toBe(0)
    expect(checksum(ascii('123456789'))).toBe(0xcbf43926)
    expect(checksum(ascii('The quick brown fox jumps over the lazy dog'))).toBe(0x414fa339)
    expect(checksum(new Uint8Array(32))).toBe(0x190a55ad)
    expect(checksum(new Uint8Array(32).fill(255))).toBe(0xff6cab0b)
  })

  test('runs on from any seed, over any bytes at any offset, as zlib does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), fc.nat(2 ** 32 - 1), (bytes, cut, seed) => {
        expect(checksum(bytes.subarray(cut), seed)).toBe(zlibCrc32(bytes.subarray(cut), seed))
        expect(checksum(bytes.subarray(cut), checksum(bytes.subarray(0, cut)))).toBe(checksum(bytes))
      }),
    )
  })

  test('differs between any two seeds, so that a row that is whole but another one is noticed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(2 ** 32 - 1), fc.nat(2 ** 32 - 1), (bytes, one, other) => {
        fc.pre(one !== other)
        expect(checksum(bytes, one)).not.toBe(checksum(bytes, other))
      }),
    )
  })
})
