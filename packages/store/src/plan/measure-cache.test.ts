import { expect, test } from 'vitest'
import { createRowCache } from '../cache/row-cache.ts'
import { memoryRows } from '../drivers/memory-rows.ts'
import { createRowPlan } from '../row-plan.ts'
import { cacheBudget } from './cache-slots.ts'
import { expectedHitRate } from './expected-hit-rate.ts'
import { measureCache } from './measure-cache.ts'
import { measureRowUse } from './row-use.ts'
import { batchProbabilities, expectedRows } from './step-probabilities.ts'

const rowBytes = 64

test('counts rows, hits and bytes of the steps after the warm-up, by hand', async () => {
  const source = memoryRows({ rows: 10, rowBytes })
  const cache = createRowCache({ source, budget: cacheBudget(10, rowBytes) })
  // Everything fits: the first two steps fetch rows 0 to 3, and the next two miss row 4 once.
  const steps = [
    [0, 1],
    [2, 3],
    [0, 4],
    [1, 2, 3, 4],
  ].map((keys) => Uint32Array.from(keys))
  const told: number[] = []
  const measured = await measureCache(cache, steps, { onProgress: ({ steps: done }) => told.push(done) })
  expect(measured).toEqual({ steps: 2, rows: 3, hitRate: 5 / 6, bytesRead: rowBytes / 2, bytesWritten: 0 })
  expect(told).toEqual([1, 2, 3, 4])
  await expect(measureCache(cache, steps, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  await cache.dispose()
})

test('what is expected of text-like steps is what a cache then measures', async () => {
  const [rows, length, batch, sequences] = [3000, 32, 8, 1200]
  // Zipf's law, by a generator of 32 bits.
  let seed = 1
  const random = (): number => (seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
  const ids = Int32Array.from({ length: length * sequences }, () => Math.floor(rows ** random()) - 1)
  const use = measureRowUse(ids, { rows, length })
  const probabilities = batchProbabilities(use, batch)

  const steps = Array.from({ length: 1200 }, () => {
    const drawn = new Set<number>()
    while (drawn.size < batch) drawn.add(Math.floor(random() * sequences))
    const tokens = [...drawn].flatMap((sequence) => [...ids.subarray(sequence * length, (sequence + 1) * length)])
    return createRowPlan(Int32Array.from(tokens), { rows }).unique
  })
  for (const slots of [600, 1200, 2400]) {
    const source = memoryRows({ rows, rowBytes })
    const cache = createRowCache({ source, budget: cacheBudget(slots, rowBytes) })
    const measured = await measureCache(cache, steps, { changed: true })
    const expected = expectedHitRate(probabilities, { slots, policy: 'lfu' })
    expect(measured.rows / expectedRows(probabilities)).toBeCloseTo(1, 1)
    expect(Math.abs(measured.hitRate - expected), `${slots} slots`).toBeLessThan(0.04)
    // Each row that is given up was changed.
    expect(measured.bytesWritten / measured.bytesRead).toBeCloseTo(1, 1)
    await cache.dispose()
  }
})
