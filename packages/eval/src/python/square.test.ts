import { expect, it } from 'vitest'
import recorded from '../../fixtures/python/arithmetic.json' with { type: 'json' }
import { square } from './square.ts'

it('gives the last digit of x ** 2, also where that is not the rounded product', () => {
  for (const [x = 0, value] of recorded.square) expect({ x, square: square(x) }).toEqual({ x, square: value })
  expect(recorded.square.filter(([x = 0, value]) => x * x !== value).length).toBeGreaterThan(250)
})
