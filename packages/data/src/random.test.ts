import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { below, pcg32, permutation } from './random.ts'

describe('pcg32', () => {
  it('gives the numbers, coins and dice of the published demonstration (seed 42, stream 54)', () => {
    const random = pcg32(42, 54)
    const numbers = Array.from({ length: 6 }, random)
    expect(numbers).toEqual([0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e])
    const coins = Array.from({ length: 65 }, () => (below(random, 2) === 1 ? 'H' : 'T')).join('')
    expect(coins).toBe('HHTTTHTHHHTHTTTHHHHHTTTHHHTHTHTHTTHTTTHHHHHHTTTTHHTTTTTHTTTTTTTHT')
    const rolls = Array.from({ length: 33 }, () => below(random, 6) + 1).join(' ')
    expect(rolls).toBe('3 4 1 1 2 2 3 2 4 3 2 4 3 3 5 2 3 1 3 1 5 1 4 1 5 6 4 6 6 2 6 3 3')
  })

  it('computes as 64-bit arithmetic does, for every seed and stream', () => {
    const safe = fc.maxSafeNat()
    fc.assert(
      fc.property(safe, safe, (seed, stream) => {
        const mask = (1n << 64n) - 1n
        const increment = ((BigInt(stream) << 1n) | 1n) & mask
        let state = 0n
        const advance = (): void => {
          state = (state * 6364136223846793005n + increment) & mask
        }
        advance()
        state = (state + BigInt(seed)) & mask
        advance()
        const random = pcg32(seed, stream)
        for (let i = 0; i < 8; i++) {
          const mixed = Number((((state >> 18n) ^ state) >> 27n) & 0xffffffffn)
          const turn = Number(state >> 59n)
          advance()
          expect(random()).toBe(((mixed >>> turn) | (mixed << (-turn & 31))) >>> 0)
        }
      }),
    )
  })
})

describe('permutation', () => {
  it('has every number once, and is the same each time', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), fc.nat(), (size, seed, stream) => {
        const order = permutation(size, seed, stream)
        expect([...order].toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i))
        expect(permutation(size, seed, stream)).toEqual(order)
      }),
    )
  })

  it('differs between seeds and between streams', () => {
    const orders = [permutation(50, 1, 0), permutation(50, 2, 0), permutation(50, 1, 1)].map(String)
    expect(new Set(orders).size).toBe(3)
  })
})
