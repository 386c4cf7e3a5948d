import { describe, expect, test } from 'vitest'
import { describeMachine, formatReport, meetsTarget, type Result } from './report.ts'

const result = (value: number | null, target: Result['target']): Result => ({ metric: 'm', value, unit: 'ms', target })

describe('a target', () => {
  test.each([
    [1.2, '>= 1.2', true],
    [1.19, '>= 1.2', false],
    [0.88, '<= 0.88', true],
    [0.881, '<= 0.88', false],
    [5, null, undefined],
    [null, '<= 1', undefined],
  ] as const)('%s against %s: %s', (value, target, met) => expect(meetsTarget(result(value, target))).toBe(met))
})

test('a report as a table names the machine, lines up its columns and says what was missed', () => {
  const table = formatReport({
    benchmark: 'train',
    machine: describeMachine(),
    results: [
      { metric: 'step_vs_torch', value: 1.23456, unit: 'times as fast', target: '>= 1.2' },
      { metric: 'peak', value: 1_415_315_456, unit: 'bytes', target: null },
      { metric: 'compile_seconds', value: null, unit: 's', target: '<= 1' },
      { metric: 'ratio', value: 0.9, unit: 'ratio', target: '<= 0.88' },
    ],
  }).split('\n')
  expect(table[0]).toContain(`node ${process.version}`)
  expect(table.slice(2)).toEqual([
    'step_vs_torch            1.235  times as fast  >= 1.2   met',
    'peak             1,415,315,456  bytes',
    'compile_seconds              -  s              <= 1',
    'ratio                      0.9  ratio          <= 0.88  missed',
  ])
})
