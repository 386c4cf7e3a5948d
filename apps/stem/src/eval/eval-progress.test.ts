import { expect, test } from 'vitest'
import { duration, progressText } from './eval-progress.ts'

test('says how far a run is, and how long the rest takes at the pace of what is new', () => {
  expect(progressText({ done: 0, total: 90, cached: 0 }, 0)).toBe('0 of 90 requests')
  expect(progressText({ done: 30, total: 90, cached: 0 }, 10)).toBe('30 of 90 requests, 3.0/s, 20 s left')
  expect(progressText({ done: 60, total: 90, cached: 30 }, 1)).toBe(
    '60 of 90 requests, 30/s, 1 s left, 30 known before',
  )
  expect(progressText({ done: 30, total: 90, cached: 30 }, 1)).toBe('30 of 90 requests, 30 known before')
})

test('times are as long as one needs to know', () => {
  expect([0.2, 89, 90, 3599, 5340, 5400, 10_000].map(duration)).toEqual([
    '1 s',
    '89 s',
    '2 min',
    '60 min',
    '89 min',
    '1 h 30 min',
    '2 h 47 min',
  ])
})
