import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countInBins } from './histogram.ts'

test('every value is counted once, in the bin that holds it', () => {
  const values = fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 1, maxLength: 50 })
  fc.assert(
    fc.property(values, values, fc.integer({ min: 1, max: 30 }), (a, b, bins) => {
      const { edges, counts } = countInBins([a, b], bins)
      expect(edges.length).toBe(bins + 1)
      expect(counts.map((each) => each.reduce((sum, count) => sum + count, 0))).toEqual([a.length, b.length])
      expect(edges[0]).toBeLessThanOrEqual(Math.min(...a, ...b))
      expect(edges.at(-1)).toBeGreaterThanOrEqual(Math.max(...a, ...b))
    }),
  )
})

test('both ends belong to the outer bins', () => {
  expect(countInBins([[0, 1, 2, 3, 4]], 4)).toEqual({ edges: [0, 1, 2, 3, 4], counts: [[1, 1, 1, 2]] })
})
