import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { measureRowUse } from './row-use.ts'
import { batchProbabilities, expectedRows, tokenProbabilities } from './step-probabilities.ts'

// Sequences: 0 0, 0 1, 2 2, 0 3.
const use = measureRowUse(Int32Array.of(0, 0, 0, 1, 2, 2, 0, 3), { rows: 6, length: 2 })

describe('a batch of sequences', () => {
  test('by hand', () => {
    // One of four sequences; row 0 is in three of them.
    expect([...batchProbabilities(use, 1)]).toEqual([0.75, 0.25, 0.25, 0.25, 0, 0])
    // Two of four: 6 pairs, none without row 0, 3 with a given one of the others.
    expect([...batchProbabilities(use, 2)]).toEqual([1, 0.5, 0.5, 0.5, 0, 0])
    expect(expectedRows(batchProbabilities(use, 2))).toBe(2.5)
    expect([...batchProbabilities(use, 4)]).toEqual([1, 1, 1, 1, 0, 0])
  })

  test('is the average over all batches there can be', () => {
    const cases = fc.record({
      ids: fc.array(fc.nat(9), { minLength: 12, maxLength: 24 }),
      length: fc.integer({ min: 1, max: 3 }),
      batch: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(cases, ({ ids, length, batch }) => {
        const sequences = Array.from({ length: Math.floor(ids.length / length) }, (_, i) =>
          ids.slice(i * length, (i + 1) * length),
        )
        const sizes = batches(sequences, batch).map((chosen) => new Set(chosen.flat()).size)
        const average = sizes.reduce((a, b) => a + b, 0) / sizes.length
        const expected = expectedRows(
          batchProbabilities(measureRowUse(Int32Array.from(ids), { rows: 10, length }), batch),
        )
        expect(expected).toBeCloseTo(average, 9)
      }),
      { numRuns: 30 },
    )
  })

  test('is refused where the text has not so many sequences', () => {
    for (const batch of [0, 5, 1.5]) {
      expect(() => batchProbabilities(use, batch)).toThrow(`a batch of ${batch} sequences, of which the text has 4`)
    }
  })
})

test('independent tokens, by hand', () => {
  // Row 0 is half of all tokens, row 2 a quarter.
  expect([...tokenProbabilities(use, 1)]).toEqual([0.5, 0.125, 0.25, 0.125, 0, 0])
  expect(expectedRows(tokenProbabilities(use, 1))).toBe(1)
  expect([...tokenProbabilities(use, 2)].slice(0, 3)).toEqual([0.75, 1 - 0.875 ** 2, 1 - 0.75 ** 2])
})

/** All ways to choose `count` of the items. */
function batches<T>(items: readonly T[], count: number): T[][] {
  if (count === 0) return [[]]
  return items.flatMap((item, i) => batches(items.slice(i + 1), count - 1).map((rest) => [item, ...rest]))
}
