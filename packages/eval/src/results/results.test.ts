import { describe, expect, it } from 'vitest'
import type { Group } from '../tasks/group.ts'
import { combinedMean, groupResult, pooledStandardError } from './group-result.ts'
import { assembleResults } from './results.ts'
import type { TaskResult } from './task-result.ts'

const taskResult = (name: string, acc: number, size: number, more: Partial<TaskResult> = {}): TaskResult => ({
  entry: { name, alias: name, sample_len: size, 'acc,none': acc, 'acc_stderr,none': size > 1 ? 0.1 : 'N/A' },
  version: 1,
  numFewshot: 0,
  higherIsBetter: { acc: true },
  samples: { original: size, effective: size },
  ...more,
})
const group = (name: string, children: Group['children'], more: Partial<Group> = {}): Group => ({
  name,
  alias: name,
  version: 'N/A',
  metrics: [{ metric: 'acc', weightBySize: true }],
  children,
  ...more,
})

describe('a group', () => {
  it('has the mean over its documents, or over its tasks', () => {
    expect(combinedMean([0.5, 1], [30, 10])).toBe(0.625)
    expect(combinedMean([0.5, 1], [1, 1])).toBe(0.75)
  })

  it('has the error of all its documents taken together', () => {
    // Of one task it is the task's own.
    expect(pooledStandardError([0.125], [9])).toBeCloseTo(0.125, 15)
  })

  it('is summed up from tasks at any depth; children that lack the metric do not count', () => {
    const entries = {
      a: taskResult('a', 0.5, 30).entry,
      b: taskResult('b', 1, 10).entry,
      c: { name: 'c', alias: 'c', sample_len: 5, 'f1,none': 1 },
    }
    const outer = group('outer', [group('inner', [{ task: 'a' }, { task: 'b' }]), { task: 'c' }])
    expect(groupResult(outer, entries)).toMatchObject({
      'acc,none': 0.625,
      sample_len: 45,
      sample_count: { 'acc,none': 40 },
    })
  })

  it('has no error where one of its tasks has none', () => {
    const entries = { a: taskResult('a', 0.5, 30).entry, b: taskResult('b', 1, 1).entry }
    expect(groupResult(group('g', [{ task: 'a' }, { task: 'b' }]), entries)['acc_stderr,none']).toBe('N/A')
  })

  it('has shots and directions where its children agree on them', () => {
    const tasks = {
      a: taskResult('a', 1, 2),
      b: taskResult('b', 1, 2, { numFewshot: 5, higherIsBetter: { acc: false } }),
    }
    const { groups, ...results } = assembleResults(tasks, [group('g', [{ task: 'a' }, { task: 'b' }])])
    expect(results['n-shot']).toEqual({ a: 0, b: 5 })
    expect(results.higher_is_better['g']).toEqual({ acc: null })
    expect(Object.keys(groups ?? {})).toEqual(['g'])
  })

  it('without metrics has no score', () => {
    const results = assembleResults({ a: taskResult('a', 1, 2) }, [group('g', [{ task: 'a' }], { metrics: [] })])
    expect(results.groups).toBeUndefined()
    expect(results.results['g']).toEqual({ alias: 'g', name: 'g' })
  })
})
