import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigramLoss, trainBigram } from './bigram.ts'

describe('the bigram baseline', () => {
  it('is interpolated Kneser-Ney, as computed by hand', () => {
    // Pairs of 0 1 0 1 0 2: 01 twice, 10 twice, 02 once. Different: 3, so n1 = 1, n2 = 2, D = 1 / 5.
    // Each of 0, 1, 2 follows one kind of token: q = 2 / (3 + 4); 3 follows none: q = 1 / 7.
    const p = trainBigram([0, 1, 0, 1, 0, 2], 4)
    const discount = 1 / 5
    expect(p(0, 1)).toBeCloseTo((2 - discount) / 3 + ((discount * 2) / 3) * (2 / 7), 12)
    expect(p(0, 2)).toBeCloseTo((1 - discount) / 3 + ((discount * 2) / 3) * (2 / 7), 12)
    expect(p(0, 3)).toBeCloseTo(((discount * 2) / 3) * (1 / 7), 12)
    expect(p(1, 0)).toBeCloseTo((2 - discount) / 2 + (discount / 2) * (2 / 7), 12)
    expect(p(2, 0)).toBeCloseTo(2 / 7, 12)
  })

  it('is a distribution after every token', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 2, maxLength: 60 }), (ids) => {
        const p = trainBigram(ids, 8)
        for (let a = 0; a < 8; a++) {
          const row = Array.from({ length: 8 }, (_, b) => p(a, b))
          expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10)
          for (const value of row) expect(value).toBeGreaterThan(0)
        }
      }),
    )
  })

  it('is the mean of the negative logarithms, in nats', () => {
    const p = trainBigram([0, 1, 0, 1, 0, 2], 4)
    const expected = -(Math.log(p(1, 0)) + Math.log(p(0, 3)) + Math.log(p(3, 3))) / 3
    expect(bigramLoss([0, 1, 0, 1, 0, 2], [1, 0, 3, 3], 4)).toBeCloseTo(expected, 12)
  })

  it('comes near the entropy of a source that it can learn', () => {
    // After a token a: 2a or 2a + 1 (mod 64), by a deterministic coin: one bit a token.
    let coin = 1
    const ids = Int32Array.from({ length: 200_000 })
    for (let i = 1; i < ids.length; i++) {
      coin = (Math.imul(coin, 1_664_525) + 1_013_904_223) >>> 0
      ids[i] = (2 * ids[i - 1]! + (coin >>> 31)) % 64
    }
    expect(bigramLoss(ids.subarray(0, 150_000), ids.subarray(150_000), 64)).toBeCloseTo(Math.LN2, 2)
  })

  it('takes three million tokens in about a second', () => {
    const ids = Int32Array.from({ length: 3_000_000 }, (_, i) => Math.imul(i ^ (i >>> 7), 2_654_435_761) >>> 19)
    const start = performance.now()
    expect(bigramLoss(ids, ids.subarray(0, 300_000), 8192)).toBeGreaterThan(0)
    expect(performance.now() - start).toBeLessThan(5000)
  })

  it('refuses what it cannot count', () => {
    expect(() => bigramLoss([1], [1, 2], 4)).toThrow(/at least 2 training tokens, not 1/)
    expect(() => bigramLoss([1, 2], [1, 4], 4)).toThrow(
      /held-out tokens have id 4 at place 1, outside the vocabulary of 4/,
    )
  })
})
