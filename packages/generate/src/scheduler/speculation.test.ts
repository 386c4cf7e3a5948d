import { describe, expect, test } from 'vitest'
import type { Job } from './job.ts'
import { createNgrams } from './ngrams.ts'
import { createSpeculation } from './speculation.ts'

const jobOf = (tokens: number[]): Job => ({
  tokens,
  promptLength: tokens.length,
  firstAsked: tokens.length - 1,
  remaining: 100,
  done: false,
  full: false,
  rows: { gather: () => Promise.reject(new Error('not read here')), dispose: async () => {} },
  take: () => {},
  begun: () => {},
  ended: () => {},
})

test('what followed the last words when they stood there before is what may follow again', () => {
  const ngrams = createNgrams()
  for (const token of [1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3]) ngrams.push(token)
  // After 1 2 3, though 2 3 alone was last followed by 5.
  expect(ngrams.follow(3)).toEqual([4, 9, 2])
  ngrams.push(7)
  expect(ngrams.follow(3)).toEqual([])
})

describe('guesses', () => {
  test('are tried where a text repeats itself and a wide pass costs little', () => {
    const speculation = createSpeculation()
    const tokens = [1, 2, 3, 4, 5, 6, 1, 2]
    const job = jobOf(tokens)
    speculation.measured(1, 10)
    let tried = 0
    for (let step = 0; step < 40; step++) {
      const drafts = speculation.draft(job, 8)
      if (drafts.length > 0) {
        tried++
        expect(drafts[0]).toBe((tokens.at(-1)! % 6) + 1)
        speculation.measured(1 + drafts.length, 11)
      }
      tokens.push((tokens.at(-1)! % 6) + 1)
    }
    expect(tried).toBeGreaterThan(30)
    expect(speculation.draft(job, 8).length).toBe(8)
    expect(speculation.draft(job, 2).length).toBeLessThanOrEqual(2)
  })

  /** What `count` tokens of a text cost, beside what they cost one by one. */
  const share = (textAt: (at: number) => number, costOf: (width: number) => number, count = 400): number => {
    const speculation = createSpeculation()
    const tokens = Array.from({ length: 6 }, (_, at) => textAt(at))
    const job = jobOf(tokens)
    let cost = 0
    while (tokens.length < count) {
      const drafts = speculation.draft(job, 8)
      speculation.measured(1 + drafts.length, costOf(1 + drafts.length))
      cost += costOf(1 + drafts.length)
      const right = drafts.findIndex((draft, i) => draft !== textAt(tokens.length + i))
      const made = 1 + (right < 0 ? drafts.length : right)
      for (let i = 0; i < made; i++) tokens.push(textAt(tokens.length))
    }
    return cost / (count * costOf(1))
  }
  const repeating = (at: number): number => (at * 7) % 13
  /** Two words again and again, each time followed by something new. */
  const misleading = (at: number): number => [1, 2, 100 + at][at % 3]!

  test('make a text that repeats itself several times as fast', () => {
    expect(share(repeating, () => 10)).toBeLessThan(0.2)
    expect(share(repeating, (width) => 10 + 2 * width)).toBeLessThan(0.5)
  })

  test('cost next to nothing where they fail, or where a pass costs as much as its tokens one by one', () => {
    expect(share(misleading, () => 10)).toBeLessThan(1.01)
    expect(share(misleading, (width) => 10 * width)).toBeLessThan(1.05)
    expect(share(repeating, (width) => 10 * width)).toBeLessThan(1.05)
  })
})
