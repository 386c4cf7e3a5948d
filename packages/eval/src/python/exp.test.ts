import { expect, it } from 'vitest'
import recorded from '../../fixtures/python/arithmetic.json' with { type: 'json' }
import { exp } from './exp.ts'

it('gives the last digit of math.exp', () => {
  for (const [x = 0, value] of recorded.exp) expect({ x, exp: exp(x) }).toEqual({ x, exp: value })
})

it('ends where doubles end', () => {
  expect([exp(Infinity), exp(-Infinity), exp(Number.NaN), exp(1000), exp(-1000)]).toEqual([
    Infinity,
    0,
    Number.NaN,
    Infinity,
    0,
  ])
})
