import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coalesce } from './coalesce.ts'

const ids = fc
  .uniqueArray(fc.oneof(fc.nat(60), fc.integer({ min: 2 ** 32 - 60, max: 2 ** 32 - 1 })), { maxLength: 80 })
  .map((list) => Uint32Array.from(list).toSorted())
const options = fc.record({
  rowBytes: fc.integer({ min: 1, max: 40 }),
  mostBytes: fc.integer({ min: 0, max: 400 }),
  gap: fc.nat(5),
})

describe('coalesced runs', () => {
  test('of some ids, by example', () => {
    const some = Uint32Array.of(3, 4, 5, 8, 20, 21)
    expect(coalesce(some, { rowBytes: 10, mostBytes: 100, gap: 0 })).toEqual([
      { first: 3, rows: 3, from: 0, count: 3 },
      { first: 8, rows: 1, from: 3, count: 1 },
      { first: 20, rows: 2, from: 4, count: 2 },
    ])
    expect(coalesce(some, { rowBytes: 10, mostBytes: 60, gap: 2 })).toEqual([
      { first: 3, rows: 6, from: 0, count: 4 },
      { first: 20, rows: 2, from: 4, count: 2 },
    ])
    expect(coalesce(some, { rowBytes: 10, mostBytes: 25, gap: 2 })).toEqual([
      { first: 3, rows: 2, from: 0, count: 2 },
      { first: 5, rows: 1, from: 2, count: 1 },
      { first: 8, rows: 1, from: 3, count: 1 },
      { first: 20, rows: 2, from: 4, count: 2 },
    ])
    expect(coalesce(new Uint32Array(0), { rowBytes: 10, mostBytes: 25, gap: 2 })).toEqual([])
  })

  test('serve every id once, in order, and reach from its first to its last', () => {
    fc.assert(
      fc.property(ids, options, (list, limits) => {
        let next = 0
        for (const { first, rows, from, count } of coalesce(list, limits)) {
          expect(from).toBe(next)
          expect(count).toBeGreaterThan(0)
          expect(first).toBe(list[from])
          expect(first + rows - 1).toBe(list[from + count - 1])
          next += count
        }
        expect(next).toBe(list.length)
      }),
    )
  })

  test('keep to the limits, and could not be fewer', () => {
    fc.assert(
      fc.property(ids, options, (list, limits) => {
        const runs = coalesce(list, limits)
        for (const { rows, from, count } of runs) {
          if (count > 1) expect(rows * limits.rowBytes).toBeLessThanOrEqual(limits.mostBytes)
          for (let i = from + 1; i < from + count; i++) {
            expect(list[i]! - list[i - 1]! - 1).toBeLessThanOrEqual(limits.gap)
          }
        }
        // Each run takes the next id too, unless a limit forbids it; taking as much as possible from the left is optimal.
        for (const { first, rows, from, count } of runs) {
          const next = list[from + count]
          if (next === undefined) continue
          const tooFar = next - (first + rows) > limits.gap
          const tooLarge = (next - first + 1) * limits.rowBytes > limits.mostBytes
          expect(tooFar || tooLarge).toBe(true)
        }
      }),
    )
  })
})
