import type { RowTable } from '@stemkit/store'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  applyEdit,
  expandText,
  listEdits,
  planEdit,
  planOccurrences,
  previewEdit,
  previewOccurrences,
  type EditInput,
} from '../index.ts'
import { summingModel } from '../testing/summing-model.ts'
import { newTable } from '../testing/tables.ts'

let table: RowTable
beforeEach(async () => {
  table = await newTable()
})

const model = summingModel()
const prompt = [3, 5, 3, 8]
const edit: EditInput = { name: 'x', source: [3], target: [1] }
const options = { maxTokens: 3, top: 2 }
const preview = (input: EditInput, prompts = [prompt]) =>
  previewEdit(planEdit(input, { table }), model, prompts, { table, ...options })
const occurrences = (input: EditInput, start?: number) =>
  previewOccurrences(planOccurrences(input, prompt, { table, sourceStart: start }), model, { table, ...options })

describe('a preview', () => {
  test('shows how prompts go on before and after, as they do once it is applied', async () => {
    const [first, second] = await preview(edit, [prompt, [5, 8]])
    expect(first!.before.tokens).toHaveLength(3)
    expect(first!.after.text).toBe(first!.after.tokens.map((token) => `<${token}>`).join(''))
    expect(first!.after).not.toEqual(first!.before)
    // The second has no edited token, until one comes up in its continuation.
    for (const { before, after } of second!.next) expect(after).toBe(before)
    expect(listEdits({ table })).toEqual([])

    await applyEdit({ table }, planEdit(edit, { table }))
    const [again] = await preview({ name: 'other', operation: 'reset', source: [3] })
    expect(again!.before).toEqual(first!.after)
    expect(again!.after).toEqual(first!.before)
  })

  test('puts the likeliest next tokens of both side by side', async () => {
    const [{ next, before, after } = { next: [] }] = await preview(edit)
    expect(next.length).toBeGreaterThan(1)
    const likeliest = (side: 'before' | 'after') => next.reduce((a, b) => (b[side]! > a[side]! ? b : a)).token
    expect(likeliest('before')).toBe(before!.tokens[0])
    expect(likeliest('after')).toBe(after!.tokens[0])
    for (const { before: was, after: is } of next) expect(was! <= 0 && is! <= 0).toBe(true)
  })
})

describe('a preview of occurrences', () => {
  test('of all of them is that of the rows, until they come again', async () => {
    const [rows] = await preview(edit)
    const { after, next } = await occurrences(edit)
    expect(after.tokens[0]).toBe(rows!.after.tokens[0])
    expect(next).toEqual(rows!.next)
    const one = await occurrences(edit, 2)
    expect(one.next).not.toEqual(next)
    expect(one.before).toEqual(rows!.before)
  })

  test.each<[string, EditInput]>([
    ['a mean', { ...edit, target: [1, 2], strategy: 'mean' }],
    ['what lies between', { ...edit, operation: 'interpolate', amount: 0.5 }],
    ['single layers', { ...edit, layers: [1] }],
    [
      'a vector',
      {
        name: 'x',
        operation: 'add',
        source: [3],
        vector: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
    ],
  ])('makes rows: %s', async (_, input) => {
    const [rows] = await preview(input)
    const { next } = await occurrences(input)
    expect(next).toEqual(rows!.next)
    expect(next).not.toEqual((await occurrences(edit)).next)
  })

  test('of a changed text reads that text', async () => {
    const plan = expandText({ ...edit, target: [1, 2], strategy: 'expand_copying' }, prompt, { table })
    const { before, after } = await previewOccurrences(plan, model, { table, ...options })
    expect(before.inputIds).toEqual(prompt)
    expect(after.inputIds).toEqual([3, 3, 5, 3, 3, 8])
    expect(model.asked.at(-1)).toEqual([1, 2, 5, 1, 2, 8])
  })
})
