import { expect, test } from 'vitest'
import { createRandom } from './random.ts'

const draw = (seed: number | undefined, count: number): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, random)
}

test('the same seed gives the same numbers, another seed others', () => {
  expect(draw(7, 50)).toEqual(draw(7, 50))
  const first = [0, 1, 2, 0.5, 2 ** 33, -1].map((seed) => draw(seed, 1)[0])
  expect(new Set(first).size).toBe(6)
})

test('without a seed the numbers differ from call to call', () => {
  expect(draw(undefined, 5)).not.toEqual(draw(undefined, 5))
})

test('numbers lie in [0, 1) and are spread evenly', () => {
  const numbers = draw(1, 100_000)
  expect(numbers.every((x) => x >= 0 && x < 1)).toBe(true)
  const counts = Array.from({ length: 20 }, () => 0)
  for (const x of numbers) counts[Math.floor(x * 20)]!++
  // Chi-squared with 19 degrees of freedom exceeds 43.8 once in a thousand.
  expect(counts.reduce((sum, count) => sum + (count - 5000) ** 2 / 5000, 0)).toBeLessThan(43.8)
})
