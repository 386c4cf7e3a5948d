import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunkEnds } from './chunk-ends.ts'

const prompts = fc.record({
  promptLength: fc.integer({ min: 1, max: 200 }),
  firstAsked: fc.nat(220),
  size: fc.integer({ min: 1, max: 80 }),
})

test('chunks read a prompt to its end, none of them a single token, nor one more than blocks of 32', () => {
  fc.assert(
    fc.property(prompts, ({ promptLength, firstAsked, size }) => {
      const ends = chunkEnds({ promptLength, firstAsked }, size)
      expect(ends.at(-1)).toBe(promptLength)
      for (const [i, end] of ends.entries()) {
        const length = end - (ends[i - 1] ?? 0)
        expect(length).toBeGreaterThanOrEqual(Math.min(2, promptLength))
        expect(length).toBeLessThanOrEqual(Math.max(size, 1) + 2)
        if (length > 1) expect(length % 32).not.toBe(1)
      }
    }),
  )
})

test('all that continue one context read it in the same chunks, to its last token but one or two', () => {
  fc.assert(
    fc.property(prompts, fc.nat(20), ({ promptLength: context, size }, more) => {
      const firstAsked = context - 1
      const [short, long] = [0, more].map((length) => chunkEnds({ promptLength: context + length, firstAsked }, size))
      const same = short!.filter((end, i) => long![i] === end && end < context)
      if (context > 4) expect(same.at(-1)).toBeGreaterThanOrEqual(context - 3)
    }),
  )
})

test('they end at multiples of the size where nothing else is near', () => {
  expect(chunkEnds({ promptLength: 300, firstAsked: 299 }, 64)).toEqual([64, 128, 192, 256, 298, 300])
  expect(chunkEnds({ promptLength: 129, firstAsked: 0 }, 64)).toEqual([64, 127, 129])
  expect(chunkEnds({ promptLength: 70, firstAsked: 64 }, 64)).toEqual([63, 70])
})
