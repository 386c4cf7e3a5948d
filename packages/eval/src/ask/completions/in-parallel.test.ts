import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { batched, inParallel } from './in-parallel.ts'

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

test('batches are of one kind, and neither too many nor too large', async () => {
  const rules = fc.record({ most: fc.integer({ min: 1, max: 5 }), room: fc.integer({ min: 1, max: 20 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 })), rules, async (sizes, { most, room }) => {
      const kindOf = (size: number): string => (size % 2 === 0 ? 'even' : 'odd')
      const batches = await Array.fromAsync(batched(each(sizes), { most, room, kindOf, sizeOf: (size) => size }))
      expect(batches.flat()).toEqual(sizes)
      for (const batch of batches) {
        expect(batch.length).toBeLessThanOrEqual(most)
        expect(new Set(batch.map(kindOf)).size).toBe(1)
        if (batch.length > 1) expect(batch.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(room)
      }
    }),
  )
})

test('work is done so many at a time, and results come as they are ready', async () => {
  let running = 0
  let most = 0
  const work = async (wait: number): Promise<number> => {
    most = Math.max(most, ++running)
    for (let i = 0; i < wait; i++) await new Promise((resolve) => setImmediate(resolve))
    running--
    return wait
  }
  const results = await Array.fromAsync(inParallel(each([40, 1, 2, 3, 4]), { concurrency: 2 }, work))
  expect(most).toBe(2)
  expect(results.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 40])
  expect(results.at(-1)).toBe(40)
})

test('what was done when something failed is given out before the error', async () => {
  const work = async (item: number): Promise<number> => {
    if (item === 2) throw new Error('two')
    await new Promise((resolve) => setImmediate(resolve))
    return item
  }
  const results: number[] = []
  const run = async (): Promise<void> => {
    for await (const result of inParallel(each([1, 2, 3, 4, 5]), { concurrency: 3 }, work)) results.push(result)
  }
  await expect(run()).rejects.toThrow('two')
  expect(results).toContain(1)
  expect(results).not.toContain(5)
})
