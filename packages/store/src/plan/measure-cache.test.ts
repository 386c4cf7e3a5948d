import { expect, test } from 'vitest'
import { createRowCache } from '../cache/row-cache.ts'
import { memoryRows } from '../drivers/memory-rows.ts'
import { cacheBudget } from './cache-slots.ts'
import { measureCache } from './measure-cache.ts'

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
  expect(measured).toEqual({ steps: 2, rows: 3, hitRate: 5 / 6, rowsRead: 1 / 2, rowsWritten: 0 })
  expect(told).toEqual([1, 2, 3, 4])
  await expect(measureCache(cache, steps, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  await cache.dispose()
})
