import { expect, test } from 'vitest'
import { expectedHitRate } from './expected-hit-rate.ts'

test('one row that is always needed and eight of which one is, by hand', () => {
  const probabilities = Float64Array.of(1, ...Array.from({ length: 8 }, () => 1 / 8))
  // Two slots: row 0 stays, and another one is a hit if the step before needed it as well.
  expect(expectedHitRate(probabilities, { slots: 2, policy: 'lfu' })).toBeCloseTo((1 + 8 / 64) / 2, 12)
  // LRU holds the same: the rows of the last step.
  expect(expectedHitRate(probabilities, { slots: 2, policy: 'lru' })).toBeCloseTo((1 + 8 / 64) / 2, 9)
  // Three slots. LRU holds the rows of t steps, 1 + 8 (1 - (7/8)^t) = 3, so that each of the eight is there in 1 of 4 cases.
  expect(expectedHitRate(probabilities, { slots: 3, policy: 'lru' })).toBeCloseTo((1 + 1 / 4) / 2, 9)
  // 2 + 7/8 slots: one of the eight stays, seven pass through 7/8 of a slot.
  expect(expectedHitRate(probabilities, { slots: 2 + 7 / 8, policy: 'lfu' })).toBeCloseTo((1 + 1 / 8 + 7 / 64) / 2, 12)
})

test('everything is a hit where all rows that are used fit, and rows never used need no room', () => {
  const probabilities = Float64Array.of(0.5, 0.25, 0, 0.125, 0)
  for (const policy of ['lru', 'lfu'] as const) expect(expectedHitRate(probabilities, { slots: 3, policy })).toBe(1)
})

test('a cache that a step does not fit is refused', () => {
  const probabilities = Float64Array.of(1, 1, 0.5)
  expect(() => expectedHitRate(probabilities, { slots: 2, policy: 'lru' })).toThrow(
    'a cache of 2 rows, but a step needs 3 at once',
  )
})

test('rows as unequal as words: more slots hit more, and knowing how often rows are used never hurts', () => {
  const rows = 2000
  // Each step draws 300 tokens by Zipf's law.
  const weights = Float64Array.from({ length: rows }, (_, rank) => 1 / (rank + 2.7))
  const total = weights.reduce((a, b) => a + b)
  const probabilities = weights.map((weight) => 1 - (1 - weight / total) ** 300)
  let before = 0
  for (const slots of [250, 400, 800, 1600, 2000]) {
    const [lru, lfu] = [
      expectedHitRate(probabilities, { slots, policy: 'lru' }),
      expectedHitRate(probabilities, { slots, policy: 'lfu' }),
    ]
    expect(lfu).toBeGreaterThanOrEqual(lru - 1e-9)
    expect(lru).toBeGreaterThan(before)
    before = lfu
  }
  expect(before).toBe(1)
})
