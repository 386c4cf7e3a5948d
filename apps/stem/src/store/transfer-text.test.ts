import { expect, test } from 'vitest'
import { inTime, transferText } from './transfer-text.ts'

test('a line says how many rows there are, how fast they come and how long it takes still', () => {
  let time = 0
  const text = transferText(() => time)
  const rowBytes = 1024
  // What an earlier try had left is no speed.
  expect(text('copying', { rows: 500, totalRows: 1000, rowBytes })).toBe('copying: 500 of 1000 rows (50%)')
  time = 2000
  expect(text('copying', { rows: 600, totalRows: 1000, rowBytes })).toBe(
    'copying: 600 of 1000 rows (60%), 50.0 KiB/s, 8 s left',
  )
  expect(text('checking', { rows: 10, totalRows: 1000, rowBytes })).toBe('checking: 10 of 1000 rows (1%)')
})

test('times are read at a glance', () => {
  expect([0, 8.2, 60, 75, 3725].map(inTime)).toEqual(['0 s', '9 s', '1:00', '1:15', '1:02:05'])
})
