import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import computed from '../../fixtures/compare/paired.json' with { type: 'json' }
import type { SampleRecord } from '../results/sample-record.ts'
import { compareRuns } from './compare-runs.ts'
import { pairedDifference } from './paired-difference.ts'
import { signTest } from './sign-test.ts'

describe('pairedDifference', () => {
  it.each(computed.cases)('of $rounds rounds from seed $seed is what Python computes', (expected) => {
    const { a, b, rounds, seed, confidence } = expected
    const paired = pairedDifference(a, b, { rounds, seed, confidence })
    expect(paired.difference).toBeCloseTo(expected.difference, 12)
    expect(paired.standardError).toBeCloseTo(expected.standardError, 12)
    expect(paired.interval[0]).toBeCloseTo(expected.interval[0] ?? 0, 12)
    expect(paired.interval[1]).toBeCloseTo(expected.interval[1] ?? 0, 12)
    expect(paired.pValue).toBeCloseTo(expected.pValue, 12)
    expect([paired.better, paired.worse]).toEqual([expected.better, expected.worse])
    expect(paired.better + paired.worse + paired.ties).toBe(a.length)
  })

  it('turns round with the runs', () => {
    const scores = fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })), { minLength: 1 })
    fc.assert(
      fc.property(scores, (pairs) => {
        const [first, second] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)]
        const there = pairedDifference(first, second, { rounds: 50 })
        const back = pairedDifference(second, first, { rounds: 50 })
        expect(there.difference + back.difference).toBeCloseTo(0, 12)
        expect(there.interval[0] + back.interval[1]).toBeCloseTo(0, 12)
        expect(there.pValue).toBe(back.pValue)
      }),
    )
  })

  it('refuses scores that cannot be paired', () => {
    expect(() => pairedDifference([1], [1, 0])).toThrow('1 and 2 scores cannot be paired')
    expect(() => pairedDifference([], [])).toThrow('cannot be paired')
    expect(() => pairedDifference([1], [0], { confidence: 95 })).toThrow('a confidence of 95')
  })
})

describe('signTest', () => {
  it.each(computed.signs)('of %i against %i is %f', (better, worse, expected) => {
    expect(signTest(better ?? 0, worse ?? 0) / (expected ?? 1)).toBeCloseTo(1, 9)
  })
})

describe('compareRuns', () => {
  const sample = (id: number, fields: object = {}): SampleRecord => ({
    doc_id: id,
    doc: {},
    target: '',
    arguments: [],
    resps: [],
    filtered_resps: [],
    filter: 'none',
    metrics: ['acc', 'word_perplexity'],
    doc_hash: `d${id}`,
    prompt_hash: `p${id}`,
    target_hash: `t${id}`,
    acc: id % 2,
    word_perplexity: [-1, 2],
    ...fields,
  })
  const run = (name: string, samples: readonly SampleRecord[], task = 'arc') => ({ name, samples: { [task]: samples } })

  it('compares every metric that is a number for each document', () => {
    const first = run(
      'a',
      [0, 1, 2, 3].map((id) => sample(id)),
    )
    const second = run(
      'b',
      [3, 2, 1, 0].map((id) => sample(id, { acc: 1 })),
    )
    const { metrics, unmatched } = compareRuns(first, { ...second, samples: { ...second.samples, extra: [] } })
    expect(metrics).toMatchObject([
      { task: 'arc', metric: 'acc', filter: 'none', count: 4, means: [0.5, 1], difference: 0.5, better: 2, worse: 0 },
    ])
    expect(unmatched).toEqual(['extra'])
  })

  it('keeps filters apart', () => {
    const filtered = (filter: string, acc: number) => sample(0, { filter, acc })
    const first = run('a', [filtered('strict', 0), filtered('flexible', 1)])
    const second = run('b', [filtered('strict', 1), filtered('flexible', 1)])
    const { metrics } = compareRuns(first, second)
    expect(metrics.map(({ filter, difference }) => [filter, difference])).toEqual([
      ['strict', 1],
      ['flexible', 0],
    ])
  })

  it('compares each length of a needle by the samples that have it', () => {
    const needle = (id: number, scores: object) => sample(id, { metrics: Object.keys(scores), ...scores })
    const first = run('a', [needle(0, { 4096: -1, 1000: 0 }), needle(1, { 4096: -1, 2000: 1 })])
    const second = run('b', [needle(0, { 4096: -1, 1000: 1 }), needle(1, { 4096: -1, 2000: 1 })])
    expect(
      compareRuns(first, second).metrics.map(({ metric, count, difference }) => [metric, count, difference]),
    ).toEqual([
      ['1000', 1, 1],
      ['2000', 1, 0],
    ])
  })

  it.each([
    [{ doc_hash: 'x' }, 'document 1 is not the same in a and b (doc_hash differs); evaluate both on the same data'],
    [{ prompt_hash: 'x' }, 'with the same shots, seed, instructions and chat template'],
    [{ target_hash: 'x' }, 'with the same version of the task'],
    [{ doc_id: 9 }, 'arc: document 1 (filter none) is in one of a and b only'],
  ])('refuses runs that were asked different things: %o', (change, message) => {
    const first = run('a', [sample(0), sample(1)])
    expect(() => compareRuns(first, run('b', [sample(0), sample(1, change)]))).toThrow(message)
  })

  it('refuses runs of different tasks', () => {
    expect(() => compareRuns(run('a', [sample(0)]), run('b', [sample(0)], 'piqa'))).toThrow('no task in common')
  })
})
