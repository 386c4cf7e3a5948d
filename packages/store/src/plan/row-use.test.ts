import { expect, test } from 'vitest'
import { measureRowUse } from './row-use.ts'

test('counts uses, and the sequences with a use', () => {
  // Two sequences of three, and a rest.
  const use = measureRowUse(Int32Array.of(1, 1, 2, 1, 0, 0, 3), { rows: 5, length: 3 })
  expect(use).toEqual({
    rows: 5,
    length: 3,
    sequences: 2,
    counts: Uint32Array.of(2, 3, 1, 0, 0),
    sequencesWith: Uint32Array.of(1, 2, 1, 0, 0),
  })
})

test('refuses ids beyond the rows, and a text that is too short', () => {
  expect(() => measureRowUse(Int32Array.of(0, 5), { rows: 5, length: 1 })).toThrow('id 5 at position 1')
  expect(() => measureRowUse(Int32Array.of(0, -1), { rows: 5, length: 1 })).toThrow('id -1 at position 1')
  expect(() => measureRowUse(Int32Array.of(0, 1), { rows: 5, length: 3 })).toThrow(
    'row use: 2 ids do not fill a sequence of 3; give more text',
  )
})
