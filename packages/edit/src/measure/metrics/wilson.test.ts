import { expect, test } from 'vitest'
import { wilson } from './wilson.ts'

test('the interval of a share is that of Wilson', () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
  for (const [count, n, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const found = wilson(count / n, n)
    expect(found.low).toBeCloseTo(low, 4)
    expect(found.high).toBeCloseTo(high, 4)
  }
})

test('what is always so may still be otherwise, and of no trials nothing is known', () => {
  expect(wilson(1, 20)).toMatchObject({ share: 1, high: 1, low: expect.closeTo(0.8389, 4) as number })
  expect(wilson(0, 0)).toEqual({ share: Number.NaN, low: 0, high: 1, n: 0 })
})
