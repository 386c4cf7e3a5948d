import { describe, expect, test } from 'vitest'
import { expandText, planOccurrences } from './index.ts'
import { readEditCase } from './testing/edit-case.ts'

const { padId, edits, swap } = readEditCase()
const table = { rows: 113, layout: { layers: 2, width: 96 } }

describe('an edit of one prompt', () => {
  test.each(edits.map((recorded) => [recorded.name, recorded] as const))(
    '%s looks up what was recorded',
    (name, recorded) => {
      const { strategy, source_tokens: source, target_tokens: target, source_start: sourceStart } = recorded
      const edit = { name, source, target, strategy, padId }
      const isText = strategy.startsWith('expand_')
      const original = edits.find((other) => other.name.split('.')[0] === name.split('.')[0])!.input_ids
      const plan = (isText ? expandText : planOccurrences)(edit, original, { table, sourceStart })
      expect(plan).toMatchObject({
        kind: isText ? 'text' : 'occurrences',
        layers: [0, 1],
        originalIds: original,
        inputIds: recorded.input_ids,
        tableIds: recorded.table_ids,
      })
      expect(plan.made).toEqual(
        (recorded.mean_positions ?? []).map((position) => ({
          position,
          value: { terms: recorded.mean_rows!.map((token) => ({ token, weight: 1 / recorded.mean_rows!.length })) },
        })),
      )
    },
  )

  test('swaps wherever either stands', () => {
    const { token_a: a, token_b: b, input_ids: ids, equivalent_table_ids: tableIds } = swap
    const plan = planOccurrences({ name: 'swap', operation: 'swap', source: [a], target: [b] }, ids, { table })
    expect(plan).toMatchObject({ inputIds: ids, tableIds, made: [] })
  })

  test('may give one token different rows at different places', () => {
    const edit = { name: 'x', source: [5, 5], target: [7, 8] }
    expect(planOccurrences(edit, [1, 5, 5, 2, 5, 5], { table }).tableIds).toEqual([1, 7, 8, 2, 7, 8])
    expect(planOccurrences(edit, [1, 5, 5, 2, 5, 5], { table, sourceStart: 4 }).tableIds).toEqual([1, 5, 5, 2, 7, 8])
  })

  test('makes rows where only some layers change, or rows lie between others', () => {
    const edit = { name: 'x', source: [5], target: [7] }
    const some = planOccurrences({ ...edit, layers: [1] }, [5, 1], { table })
    expect(some).toMatchObject({
      layers: [1],
      tableIds: [5, 1],
      made: [{ position: 0, value: { terms: [{ token: 7 }] } }],
    })
    const between = planOccurrences({ ...edit, operation: 'interpolate', amount: 0.25 }, [5, 1], { table })
    expect(between.made[0]!.value.terms).toEqual([
      { token: 5, weight: 0.75 },
      { token: 7, weight: 0.25 },
    ])
  })

  test('is refused where its source is not, and where it changes the text', () => {
    const edit = { name: 'x', source: [5], target: [7, 8] } as const
    expect(() => planOccurrences({ ...edit, target: [7] }, [1, 2], { table })).toThrow(
      'tokens 5 is nowhere in this prompt',
    )
    expect(() => planOccurrences({ ...edit, target: [7] }, [5, 2], { table, sourceStart: 1 })).toThrow('not at 1')
    expect(() => planOccurrences({ ...edit, strategy: 'expand_copying' }, [5], { table })).toThrow('changes the text')
    expect(() => expandText({ ...edit, strategy: 'subset_first' }, [5], { table })).toThrow('by one of expand_*')
    expect(() => planOccurrences({ name: 'x', operation: 'reset', source: [5] }, [5], { table })).toThrow('reset')
  })

  test('lengthens the text at every place', () => {
    const edit = { name: 'x', source: [5], target: [7, 8], strategy: 'expand_repeat_last' } as const
    expect(expandText(edit, [5, 1, 5], { table })).toMatchObject({
      inputIds: [5, 5, 1, 5, 5],
      tableIds: [7, 8, 1, 7, 8],
    })
  })
})
