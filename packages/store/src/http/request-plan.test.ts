import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planRequests, scatterer } from './request-plan.ts'

const ranges = (ids: number[], limits: { gapBytes: number; mostRequestBytes: number }): [number, number][] =>
  planRequests(Uint32Array.from(ids), { rowBytes: 10, firstByte: 100, ...limits }).map(({ start, end }) => [start, end])

/** The fewest requests, by trying all ways to divide the rows. */
function fewest(ids: readonly number[], rowBytes: number, gapBytes: number, most: number): number {
  if (rowBytes > most) return ids.length * Math.ceil(rowBytes / most)
  const least = [0]
  for (let end = 1; end <= ids.length; end++) {
    let best = Infinity
    for (let first = end - 1; first >= 0; first--) {
      if ((ids[end - 1]! + 1 - ids[first]!) * rowBytes > most) break
      if (first < end - 1 && (ids[first + 1]! - ids[first]! - 1) * rowBytes > gapBytes) break
      best = Math.min(best, least[first]! + 1)
    }
    least.push(best)
  }
  return least.at(-1)!
}

describe('requests for rows', () => {
  test('join neighbours, read over small gaps, and stay below a size', () => {
    expect(ranges([], { gapBytes: 0, mostRequestBytes: 100 })).toEqual([])
    expect(ranges([0, 1, 2], { gapBytes: 0, mostRequestBytes: 100 })).toEqual([[100, 130]])
    expect(ranges([0, 2, 5], { gapBytes: 0, mostRequestBytes: 100 })).toHaveLength(3)
    expect(ranges([0, 2, 5], { gapBytes: 10, mostRequestBytes: 100 })).toEqual([
      [100, 130],
      [150, 160],
    ])
    expect(ranges([0, 1, 2, 3, 4], { gapBytes: 0, mostRequestBytes: 25 })).toEqual([
      [100, 120],
      [120, 140],
      [140, 150],
    ])
  })

  test('divide a row that is larger than a request', () => {
    expect(ranges([1, 2], { gapBytes: 99, mostRequestBytes: 4 })).toEqual([
      [110, 114],
      [114, 118],
      [118, 120],
      [120, 124],
      [124, 128],
      [128, 130],
    ])
  })

  test('are the fewest, and bring every row to its place, in chunks of any size', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(60), { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 20 }),
        (unsorted, rowBytes, gapBytes, mostRequestBytes, chunkBytes) => {
          const ids = Uint32Array.from(unsorted).toSorted()
          const file = Uint8Array.from({ length: 7 + 61 * rowBytes }, (_, i) => i * 37 + (i >> 8))
          const requests = planRequests(ids, { rowBytes, firstByte: 7, gapBytes, mostRequestBytes })
          expect(requests).toHaveLength(fewest([...ids], rowBytes, gapBytes, mostRequestBytes))

          const into = new Uint8Array(ids.length * rowBytes)
          for (const { start, end, pieces } of requests) {
            expect(end - start).toBeLessThanOrEqual(mostRequestBytes)
            const sink = scatterer(pieces, into)
            const send = (from: number, until: number): void => {
              for (let at = from; at < until; at += chunkBytes) {
                sink(at, file.subarray(at, Math.min(at + chunkBytes, until)))
              }
            }
            // Broken off somewhere and begun anew, as after a lie about the length.
            send(start, start + ((end - start) >> 1))
            send(start, end)
          }
          const expected = [...ids].flatMap((id) => [...file.subarray(7 + id * rowBytes, 7 + (id + 1) * rowBytes)])
          expect([...into]).toEqual(expected)
        },
      ),
      { numRuns: 300 },
    )
  })
})
