import { describe, expect, test } from 'vitest'
import { planEdit, type EditInput } from './index.ts'
import { layout, ROWS } from './testing/tables.ts'
import { spacedTokenizer } from './testing/tokenizers.ts'

const table = { rows: ROWS, layout }
type Draft = Omit<EditInput, 'name'>
const rowsOf = (edit: Draft, options = {}) => planEdit({ name: 'x', ...edit }, { table, ...options }).rows
const row = (token: number) => ({ terms: [{ token, weight: 1 }] })

describe('a plan says what each row becomes', () => {
  test('overwrite, swap, mean, interpolate, add, reset', () => {
    expect(rowsOf({ source: [3], target: [1] })).toEqual([{ token: 3, value: row(1) }])
    expect(rowsOf({ operation: 'swap', source: [3, 4], target: [1, 2] })).toEqual([
      { token: 1, value: row(3) },
      { token: 2, value: row(4) },
      { token: 3, value: row(1) },
      { token: 4, value: row(2) },
    ])
    const half = [1, 2].map((token) => ({ token, weight: 0.5 }))
    expect(rowsOf({ operation: 'mean', source: [3, 4, 5], target: [1, 2] })).toEqual(
      [3, 4, 5].map((token) => ({ token, value: { terms: half } })),
    )
    expect(rowsOf({ operation: 'interpolate', amount: 0.25, source: [3], target: [1] })).toEqual([
      {
        token: 3,
        value: {
          terms: [
            { token: 3, weight: 0.75 },
            { token: 1, weight: 0.25 },
          ],
        },
      },
    ])
    const vector = [[1, 2, 3]]
    expect(rowsOf({ operation: 'add', vector, layers: [1], amount: 2, source: [3] })).toEqual([
      { token: 3, value: { ...row(3), vector: 2 } },
    ])
    expect(rowsOf({ operation: 'reset', source: [3] })).toEqual([{ token: 3, value: { ...row(3), unedited: true } }])
  })

  test('and can be kept as JSON', () => {
    const plan = planEdit({ name: 'x', source: [3, 4], target: [1], strategy: 'copying', layers: [1] }, { table })
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
    expect(planEdit(plan.edit, { table })).toEqual(plan)
  })

  test('a token keeps its row where the target has the same one', () => {
    expect(rowsOf({ source: [3, 4], target: [3, 5] })).toEqual([{ token: 4, value: row(5) }])
    expect(() => rowsOf({ source: [3], target: [3] })).toThrow('every token keeps its own row')
  })

  test('of several strategies it takes the first that suits', () => {
    const strategy = ['one_to_one', 'copying', 'subset_first'] as const
    expect(rowsOf({ operation: 'swap', source: [3, 4], target: [1], strategy })).toEqual([
      { token: 1, value: row(3) },
      { token: 3, value: row(1) },
      { token: 4, value: row(1) },
    ])
  })
})

describe('what a text is', () => {
  const tokenizer = spacedTokenizer(['Spain', 'Germany', 'Peru'])
  const words = { rows: tokenizer.vocabSize, layout }
  const id = (token: string): number => tokenizer.tokenToId(token)!
  const tokens = (spaces?: EditInput['spaces']): number[] =>
    rowsOf({ source: 'Spain', target: 'Peru', spaces }, { table: words, tokenizer }).map(({ token }) => token)

  test('its tokens with a space before it, and without', () => {
    expect(tokens('with')).toEqual([id('\u0120Spain')])
    expect(tokens('without')).toEqual([id('Spain')])
    expect(tokens()).toEqual([id('Spain'), id('\u0120Spain')].toSorted((a, b) => a - b))
  })

  test('needs a tokenizer', () => {
    expect(() => rowsOf({ source: 'Spain', target: [1] })).toThrow('give a tokenizer, or ids')
  })
})

describe('an edit is refused with the reason', () => {
  test.each([
    [
      'two rows for one token',
      { source: [3, 3], target: [1, 2] },
      /token 3 would need two rows, 1 and 2, .* occurrence edit/,
    ],
    ['a swap that needs two', { operation: 'swap', source: [1, 2], target: [2, 3] }, /token 2 would need two rows/],
    [
      'unequal lengths',
      { source: [3, 4], target: [1] },
      /one_to_one cannot give 2 tokens the rows of 1; take padding_right,/,
    ],
    [
      'a changed text',
      { source: [3], target: [1, 2], strategy: 'expand_copying' },
      /expand_copying changes the text, which rows cannot/,
    ],
    ['padding with nothing', { source: [3, 4], target: [1], strategy: 'padding_right' }, /padding_right needs a padId/],
    ['a token without a row', { source: [3], target: [ROWS] }, /token 10 is not one of the 10 that have rows/],
    ['a layer that is not there', { source: [3], target: [1], layers: [2] }, /layer 2 is not one of the 2 STEM layers/],
    [
      'a vector of another size',
      { operation: 'add', source: [3], vector: [[1, 2, 3]] },
      /its vector is 1 x 3, but 2 layers of 3/,
    ],
    [
      'values of another size',
      {
        operation: 'set',
        source: [3],
        values: [
          [
            [1, 2, 3],
            [1, 2],
          ],
        ],
      },
      /its values are 2 x 2, but 2 layers of 3/,
    ],
    [
      'values for other tokens',
      { operation: 'set', source: [3, 4], layers: [0], values: [[[1, 2, 3]]] },
      /it has values for 1 tokens, but names 2/,
    ],
    ['values for a text', { operation: 'set', source: 'a', values: [[[1, 2, 3]]] }, /^edit: source: /],
    ['an unknown strategy', { source: [3], target: [1], strategy: 'guess' }, /^edit: strategy: /],
    ['an unknown key', { source: [3], target: [1], layer: 1 }, /^edit: Unrecognized key: "layer"/],
    ['an operation without a target', { source: [3] }, /^edit: target: /],
    ['a name with spaces', { name: 'a b', source: [3], target: [1] }, /^edit: name: a name has no spaces/],
    [
      'a name that no path can have',
      { name: '..', source: [3], target: [1] },
      /^edit: name: a name has .* not '\.' or/,
    ],
    ['a name with control characters', { name: 'a\u0000', source: [3], target: [1] }, /^edit: name: a name has/],
    ['a text with half a character', { source: 'a\ud83d', target: [1] }, /^edit: source: /],
    ['a name with half a character', { name: 'a\ud83d', source: [3], target: [1] }, /^edit: name: a name has/],
  ])('%s', (_, edit, message) => {
    expect(() => rowsOf(edit as Draft)).toThrow(message)
  })
})
