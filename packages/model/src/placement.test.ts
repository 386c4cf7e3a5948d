import { expect, test } from 'vitest'
import { stemPlacement } from './index.ts'

test.each([
  ['third', 3, [1]],
  ['third', 16, [1, 4, 7, 10, 13]],
  ['half', 4, [1, 3]],
  ['half', 8, [1, 3, 5, 7]],
  ['full', 8, [1, 2, 3, 4, 5, 6, 7]],
  ['full', 1, []],
] as const)('%s of %d layers is %j', (placement, layers, expected) => {
  expect(stemPlacement(placement, layers)).toEqual(expected)
})

test('a list names its layers itself', () => {
  expect(stemPlacement([6, 2, 4], 8)).toEqual([2, 4, 6])
  expect(stemPlacement([0], 2)).toEqual([0])
  expect(() => stemPlacement([8], 8)).toThrow('layer 8 is not one of 0..7')
  expect(() => stemPlacement([2, 2], 8)).toThrow('layer 2 is listed twice')
  expect(() => stemPlacement('quarter' as 'half', 8)).toThrow("'quarter' is none of third, half, full")
})
