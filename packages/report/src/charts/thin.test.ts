import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Point } from './chart.ts'
import { thin } from './thin.ts'

const ascending = fc
  .array(fc.tuple(fc.double({ min: 0, max: 1e3, noNaN: true }), fc.double({ min: -5, max: 5 })), { maxLength: 400 })
  .map((points): Point[] => points.toSorted(([a], [b]) => a - b))

describe('thinning', () => {
  test('leaves short curves alone', () => {
    const points: Point[] = [
      [0, 1],
      [1, Number.NaN],
      [2, 3],
    ]
    expect(thin(points, 2)).toBe(points)
  })

  test('keeps at most four points a column, in order, among them both ends and every column’s extremes', () => {
    fc.assert(
      fc.property(ascending, fc.integer({ min: 1, max: 40 }), (points, columns) => {
        const kept = thin(points, columns)
        expect(kept.length).toBeLessThanOrEqual(Math.max(4 * columns, 2 * columns))
        let at = 0
        for (const point of kept) {
          at = points.indexOf(point, at)
          expect(at).toBeGreaterThanOrEqual(0)
          at++
        }
        expect(kept[0]).toBe(points[0])
        expect(kept.at(-1)).toBe(points.at(-1))
        const finite = (each: readonly Point[]): number[] => each.map(([, y]) => y).filter((y) => !Number.isNaN(y))
        if (finite(points).length > 0) {
          expect(Math.max(...finite(kept))).toBe(Math.max(...finite(points)))
          expect(Math.min(...finite(kept))).toBe(Math.min(...finite(points)))
        }
      }),
    )
  })

  test('keeps a spike of a single step', () => {
    const points = Array.from({ length: 100_000 }, (_, i): Point => [i, i === 54_321 ? 99 : 1])
    expect(thin(points, 300).some(([, y]) => y === 99)).toBe(true)
  })
})
