import { expect, test } from 'vitest'
import { createRowCache } from '../cache/row-cache.ts'
import { memoryRows } from '../drivers/memory-rows.ts'
import { createRowPlan } from '../row-plan.ts'
import { cacheBudget } from './cache-slots.ts'
import { measureCache } from './measure-cache.ts'
import { replayCache } from './replay-cache.ts'

const rows = 1000

/** Steps of 100 tokens each by Zipf's law. */
function zipf(seed: number, count = 400): Uint32Array[] {
  let state = seed
  const random = (): number => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
  const step = () => Int32Array.from({ length: 100 }, () => Math.floor(rows ** random()) - 1)
  return Array.from({ length: count }, () => createRowPlan(step(), { rows }).unique)
}

test('LRU, by hand: of two slots the one used last stays', async () => {
  const steps = [[0], [1], [0], [2], [0], [1]].map((keys) => Uint32Array.from(keys))
  const measured = await replayCache(steps, { rows: 3, slots: 2, policy: 'lru' })
  // Measured are steps 2, 0 and 1: row 0 is there.
  expect(measured).toEqual({ steps: 3, rows: 1, hitRate: 1 / 3, rowsRead: 2 / 3, rowsWritten: 2 / 3 })
})

test('everything is a hit where all rows fit; a step that does not fit is refused', async () => {
  const steps = zipf(1)
  expect((await replayCache(steps, { rows, slots: rows })).rowsRead).toBeLessThan(0.1)
  await expect(replayCache(steps, { rows, slots: 20 })).rejects.toMatchObject({ code: 'bad-input' })
})

test.each([150, 300, 600])('with %i slots it is what a cache does with rows of any size', async (slots) => {
  const steps = zipf(1)
  const cache = createRowCache({ source: memoryRows({ rows, rowBytes: 400 }), budget: cacheBudget(slots, 400) })
  const measured = await measureCache(cache, steps, { changed: true })
  await cache.dispose()
  const replayed = await replayCache(steps, { rows, slots })
  expect(replayed.hitRate).toBeCloseTo(measured.hitRate, 2)
  expect(replayed.rowsRead / measured.rowsRead).toBeCloseTo(1, 1)
  expect(replayed.rowsWritten / measured.rowsWritten).toBeCloseTo(1, 1)
  // And of other steps of the same kind.
  const other = await replayCache(zipf(2), { rows, slots })
  expect(Math.abs(other.hitRate - measured.hitRate)).toBeLessThan(0.01)
})
