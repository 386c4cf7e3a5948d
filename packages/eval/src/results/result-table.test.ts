import { describe, expect, it } from 'vitest'
import { resultTable } from './result-table.ts'
import type { EvalResults } from './results.ts'

const tableOf = (values: Readonly<Record<string, number | 'N/A'>>) =>
  resultTable({
    results: { a: { name: 'a', alias: 'a', sample_len: 32, ...values } },
    group_subtasks: {},
    versions: { a: 1 },
    'n-shot': { a: 0 },
    higher_is_better: { a: { acc: true } },
    'n-samples': {},
  } as EvalResults)
const valueOf = (value: number) => tableOf({ 'acc,none': value }).split('\n')[2]?.split('|')[7]?.trim()

describe('the table of results', () => {
  it('rounds the middle of two to the even one, as Python does', () => {
    // f"{x:.4f}", without zeros at the end.
    const values = [1 / 32, 3 / 32, 5 / 32, 31 / 32, -1 / 32, 0.00005, 2.5, 1 / 64]
    expect(values.map(valueOf)).toEqual(['0.0312', '0.0938', '0.1562', '0.9688', '-0.0312', '0.0001', '2.5', '0.0156'])
  })

  it('has an arrow where a direction is known, and no sign where there is no error', () => {
    const [, , acc, f1] = tableOf({ 'acc,none': 0.5, 'acc_stderr,none': 'N/A', 'f1,none': 0.25 }).split('\n')
    expect(acc).toBe('|a    |      1|none  |     0|acc   |↑  | 0.50|±  |   N/A|')
    expect(f1).toBe('|     |       |none  |     0|f1    |   | 0.25|   |      |')
  })

  it('shows infinity and what is no number', () => {
    expect([valueOf(Infinity), valueOf(Number.NaN)]).toEqual(['Infinity', 'NaN'])
  })
})
