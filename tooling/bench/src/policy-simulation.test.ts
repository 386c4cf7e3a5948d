import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lfu } from '../../../packages/store/src/cache/lfu.ts'
import { lru } from '../../../packages/store/src/cache/lru.ts'
import { createRowCache } from '../../../packages/store/src/cache/row-cache.ts'
import { wTinyLfu } from '../../../packages/store/src/cache/w-tiny-lfu.ts'
import { bestHitRate, hitRate } from './policy-simulation.ts'

const ROWS = 50
const batchesOf = (size: number): fc.Arbitrary<Uint32Array[]> =>
  fc.array(
    // Small rows are asked for more often.
    fc
      .array(fc.tuple(fc.nat(ROWS - 1), fc.nat(ROWS - 1)), { minLength: 1, maxLength: size })
      .map((pairs) => Uint32Array.from(new Set(pairs.map(([a, b]) => Math.min(a, b)))).toSorted()),
    { minLength: 5, maxLength: 60 },
  )

describe('the simulation', () => {
  test.each([lru, lfu, wTinyLfu])('of $name finds what the cache itself finds', async (policy) => {
    const source = { rows: ROWS, rowBytes: 4, read: async () => {} }
    await fc.assert(
      fc.asyncProperty(batchesOf(10), async (batches) => {
        const cache = createRowCache({ source, policy, budget: 1200 })
        for (const batch of batches) (await cache.lease(batch)).release()
        expect(hitRate(policy, batches, cache.slots, ROWS)).toBeCloseTo(cache.stats().hitRate, 10)
      }),
      { numRuns: 30 },
    )
  })

  test('never finds more than Belady, who finds what the best of all choices does', () => {
    fc.assert(
      fc.property(batchesOf(6), (batches) => {
        for (const policy of [lru, lfu, wTinyLfu]) {
          expect(hitRate(policy, batches, 8, ROWS)).toBeLessThanOrEqual(bestHitRate(batches, 8, ROWS))
        }
      }),
    )
    const sequence = fc.array(fc.nat(5), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(sequence, fc.integer({ min: 1, max: 3 }), (rows, slots) => {
        const batches = rows.map((row) => Uint32Array.of(row))
        expect(bestHitRate(batches, slots, 6)).toBeCloseTo(mostHits(rows, slots) / rows.length, 10)
      }),
    )
  })
})

/** By trying every choice of what to give up. */
function mostHits(rows: readonly number[], slots: number, resident: readonly number[] = []): number {
  const [row, ...rest] = rows
  if (row === undefined) return 0
  if (resident.includes(row)) return 1 + mostHits(rest, slots, resident)
  if (resident.length < slots) return mostHits(rest, slots, [...resident, row])
  return Math.max(...resident.map((victim) => mostHits(rest, slots, [...resident.filter((r) => r !== victim), row])))
}
