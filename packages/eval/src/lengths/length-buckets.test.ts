import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lengthBuckets } from './length-buckets.ts'
import { measureSamples } from './measure-samples.ts'

describe('lengthBuckets', () => {
  const samples = [
    { task: 'a', tokens: 0, score: 1 },
    { task: 'a', tokens: 2047, score: 0 },
    { task: 'a', tokens: 2048, score: 0.5 },
    { task: 'b', tokens: 100, score: 1 },
    { task: 'b', tokens: 7000, score: 0.25 },
  ]

  it('gives means and counts by length, task by task and on average over tasks', () => {
    const { tasks, average } = lengthBuckets(samples)
    expect(tasks.map(({ task }) => task)).toEqual(['a', 'b'])
    expect(tasks[0]?.buckets).toEqual([
      { from: 0, to: 2048, count: 2, score: 0.5 },
      { from: 2048, to: 4096, count: 1, score: 0.5 },
      { from: 4096, to: 6144, count: 0, score: null },
      { from: 6144, to: 8192, count: 0, score: null },
    ])
    expect(average.map(({ count, score }) => [count, score])).toEqual([
      [3, 0.75],
      [1, 0.5],
      [0, null],
      [1, 0.25],
    ])
  })

  it('can end with a bucket without end', () => {
    const { average } = lengthBuckets(samples, { width: 1000, last: 2000 })
    expect(average.map(({ from, to, count }) => [from, to, count])).toEqual([
      [0, 1000, 2],
      [1000, 2000, 0],
      [2000, null, 3],
    ])
  })

  it('has every sample in one bucket, whose means make up the whole', () => {
    const sample = fc.record({ task: fc.constant('t'), tokens: fc.nat(10_000), score: fc.integer({ min: 0, max: 8 }) })
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), fc.integer({ min: 1, max: 5000 }), (all, width) => {
        const { average } = lengthBuckets(all, { width })
        const total = average.reduce((sum, { count, score }) => sum + count * (score ?? 0), 0)
        expect(total).toBeCloseTo(
          all.reduce((sum, { score }) => sum + score, 0),
          6,
        )
        expect(average.reduce((sum, { count }) => sum + count, 0)).toBe(all.length)
      }),
    )
  })

  it('has nothing to say of nothing, and refuses buckets that are none', () => {
    expect(lengthBuckets([])).toEqual({ tasks: [], average: [] })
    expect(() => lengthBuckets([], { width: 0 })).toThrow('buckets of 0 tokens')
    expect(() => lengthBuckets([], { width: 1000, last: 1500 })).toThrow('begins at 1500')
  })
})

describe('measureSamples', () => {
  it('counts the tokens of prompts and takes one metric', async () => {
    const samples = [
      {
        arguments: [
          ['a b c', ' x'],
          ['a b c', ' y'],
        ],
        acc: 1,
      },
      { arguments: { gen_args_0: { arg_0: 'a b', arg_1: ' x' } }, acc: 0 },
      { arguments: [['d', ' x']], other: 1 },
    ]
    const countTokens = (text: string) => text.split(' ').length
    expect(await measureSamples('t', samples, 'acc', { countTokens })).toEqual([
      { task: 't', tokens: 3, score: 1 },
      { task: 't', tokens: 2, score: 0 },
    ])
    await expect(measureSamples('t', [{ arguments: [], acc: 1 }], 'acc', { countTokens })).rejects.toThrow('no prompt')
  })
})
