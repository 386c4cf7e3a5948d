import { expect, test } from 'vitest'
import { inBytes, inPercent, inThousands } from './quantities.ts'
import { alignColumns } from './table.ts'

test('amounts are printed with three digits and the unit that suits them', () => {
  expect([0, 12, 1023, 1024, 1536, 10 * 1024, 1023.9 * 1024, 2.5 * 1024 ** 3].map(inBytes)).toEqual([
    '0 B',
    '12 B',
    '1023 B',
    '1.00 KiB',
    '1.50 KiB',
    '10.0 KiB',
    '1.00 MiB',
    '2.50 GiB',
  ])
  expect([0, 7, 9999, 10_000, 1_234_567, 999_600, 7.25].map(inThousands)).toEqual([
    '0',
    '7',
    '9999',
    '10.0 k',
    '1.23 M',
    '1.00 M',
    '7.25',
  ])
  expect([0, 0.1234, 1].map(inPercent)).toEqual(['0.0%', '12.3%', '100.0%'])
})

test('columns are as wide as their widest cell, names to the left and the rest to the right', () => {
  const lines = alignColumns({
    head: ['name', 'a', 'long one'],
    rows: [
      ['x', '123', '4'],
      ['longest', '5'],
    ],
  })
  expect(lines).toEqual(['name       a  long one', 'x        123         4', 'longest    5'])
})
