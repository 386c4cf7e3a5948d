import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { largestFirst } from './largest-first.ts'

test('gives the order of a stable sort by descending value', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 })), (values) => {
      const sorted = values.map((_, i) => i).toSorted((a, b) => values[b]! - values[a]! || a - b)
      expect([...largestFirst(values)]).toEqual(sorted)
    }),
  )
})
