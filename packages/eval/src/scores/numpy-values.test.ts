import { expect, it } from 'vitest'
import recorded from '../../fixtures/libraries/numpy-values.json' with { type: 'json' }
import { numpyExp } from './numpy-exp.ts'
import { numpySum } from './numpy-sum.ts'
import { softmax } from './softmax.ts'

it('gives the last digit of np.exp', () => {
  const [arguments_ = [], values] = recorded.exp
  expect(arguments_.map(numpyExp)).toEqual(values)
})

it('gives the last digit of np.sum', () => {
  for (const [values, sum] of recorded.sum) expect(numpySum(values as number[])).toBe(sum)
})

it('ends where doubles end', () => {
  expect([numpyExp(-1000), numpyExp(-Infinity), numpyExp(0)]).toEqual([0, 0, 1])
  expect(softmax([-1e5, 0, -Infinity])).toEqual([0, 1, 0])
})
