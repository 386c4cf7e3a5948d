import { describe, expect, it } from 'vitest'
import { fingerprintOf, murmur3 } from './fingerprint.ts'

const words = (text: string): Int32Array => new Int32Array(new TextEncoder().encode(text).buffer)

describe('murmur3', () => {
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['test', 0, 0xba6bd213],
    ['aaaa', 0x9747b28c, 0x5a97808a],
  ])('of "%s" with seed %i is the published value', (text, seed, hash) => {
    expect(murmur3(words(text), seed)).toBe(hash)
  })
})

describe('fingerprintOf', () => {
  it('depends on every word and on where the parts end', () => {
    const prints = [[[1, 2, 3]], [[1, 2, 4]], [[1, 2], [3]], [[1], [2, 3]]].map((parts) =>
      fingerprintOf(...parts.map((part) => Int32Array.from(part))),
    )
    expect(new Set(prints).size).toBe(4)
    for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/)
  })
})
