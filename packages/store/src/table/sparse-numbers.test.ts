import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { sparseNumbers } from './sparse-numbers.ts'

test('sparse numbers behave as a map with ascending keys', () => {
  const anyIndex = fc.oneof(
    fc.nat(20),
    fc.integer({ min: 4090, max: 4100 }),
    fc.constant(2 ** 32 - 1),
    fc.nat(2 ** 32 - 1),
  )
  const change = fc.record({ index: anyIndex, value: fc.option(fc.nat(2 ** 32 - 1), { nil: undefined }) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
      const numbers = sparseNumbers()
      const map = new Map<number, number>()
      for (const { index, value } of changes) {
        if (value === undefined) {
          numbers.delete(index)
          map.delete(index)
        } else {
          numbers.set(index, value)
          map.set(index, value)
        }
        expect(numbers.get(index)).toBe(value)
      }
      const visited: [number, number][] = []
      numbers.forEach((index, value) => visited.push([index, value]))
      expect(visited).toEqual([...map].toSorted(([a], [b]) => a - b))
      expect(numbers.size).toBe(map.size)
      expect(numbers.get(77_777)).toBe(map.get(77_777))
    }),
  )
})

test('a page may fill up entirely, in any order, and empty again', () => {
  const numbers = sparseNumbers()
  for (let i = 0; i < 4096; i++) numbers.set((i * 1237) % 4096, i)
  expect(numbers.size).toBe(4096)
  for (let i = 0; i < 4096; i++) expect(numbers.get((i * 1237) % 4096)).toBe(i)
  numbers.set(17, 99)
  expect(numbers.get(17)).toBe(99)
  for (let i = 0; i < 4096; i++) numbers.delete(i)
  expect(numbers.size).toBe(0)
  expect(numbers.get(17)).toBeUndefined()
})
