import { expect, test } from 'vitest'
import { memoryRows } from '../drivers/memory-rows.ts'
import { createRowCache } from '../cache/row-cache.ts'
import { cacheBudget, cacheSlots } from './cache-slots.ts'

test('so many rows as the cache then has slots for', async () => {
  for (const [budget, rowBytes] of [
    [100_000, 64],
    [1_000_000, 1000],
    [8_000_000, 84_480],
  ] as const) {
    const source = memoryRows({ rows: 10, rowBytes })
    const cache = createRowCache({ source, budget })
    expect(cacheSlots(budget, rowBytes)).toBe(cache.slots)
    expect(cache.slots).toBeGreaterThan(1)
    await cache.dispose()
  }
})

test('the budget for some rows suffices for them and for no more', () => {
  for (const slots of [1, 10, 1000]) {
    const budget = cacheBudget(slots, 480)
    expect(cacheSlots(budget, 480)).toBe(slots)
    expect(budget).toBeGreaterThan(slots * 480)
  }
})

test('a budget for less than a row is refused', () => {
  expect(() => cacheSlots(1000, 4000)).toThrow('holds no row of 4000 bytes')
})
