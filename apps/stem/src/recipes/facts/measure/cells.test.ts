import { expect, test } from 'vitest'
import { efficacyCells, localityCells, tokenCells } from './cells.ts'
import type { Effect } from './efficacy.ts'
import type { Bystander } from './locality.ts'
import { wilson } from '@stemkit/edit'

const effect = (pair: number, rest: Partial<Effect>): Effect => ({
  change: 'rows',
  operation: 'overwrite',
  strategy: 'one_to_one',
  pair,
  relation: 'capital',
  lengths: 'equal',
  tokens: '1 to 1',
  answerTokens: 1,
  side: 'source',
  set: 'training',
  answer: 'wanted',
  begins: true,
  generated: true,
  before: 'old',
  known: true,
  ...rest,
})

test('a share is the mean over pairs, each of which counts once however often it is asked about', () => {
  const cells = efficacyCells([
    effect(0, {}),
    effect(0, { answer: 'old', begins: false, generated: false }),
    effect(1, { relation: 'currency' }),
    effect(1, { relation: 'currency', set: 'heldOut', answer: 'other', before: 'wanted', known: false }),
  ])
  const cell = (relation: string, set: string) =>
    cells.find((each) => each.relation === relation && each.set === set && each.strategy === 'one_to_one')!
  expect(cell('all', 'training')).toMatchObject({
    prompts: 3,
    wanted: wilson(0.75, 2),
    wantedOfKnown: wilson(0.75, 2),
    begins: wilson(0.75, 2),
    generated: wilson(0.75, 2),
    old: wilson(0.25, 2),
    before: { wanted: wilson(0, 2), old: wilson(1, 2) },
  })
  expect(cell('capital', 'training').wanted).toEqual(wilson(0.5, 1))
  expect(cell('currency', 'heldOut')).toMatchObject({
    wanted: wilson(0, 1),
    wantedOfKnown: { n: 0 },
    before: { wanted: wilson(1, 1), old: wilson(0, 1) },
  })
  expect(cell('capital', 'heldOut')).toBe(undefined)
})

test('pairs of any numbers of tokens come together where each has the strategy that stands for its numbers', () => {
  const all = efficacyCells([
    effect(0, {}),
    effect(1, { strategy: 'copying', lengths: 'more', answer: 'old' }),
    effect(1, { strategy: 'padding_left', lengths: 'more' }),
    effect(2, { strategy: 'one_to_one', layers: [1] }),
  ]).filter(({ relation }) => relation === 'all')
  expect(
    all.map(({ strategy, lengths, layers, wanted }) => [strategy, lengths, layers, wanted.share, wanted.n]),
  ).toEqual([
    ['one_to_one', 'equal', undefined, 1, 1],
    ['default', 'any', undefined, 0.5, 2],
    ['copying', 'more', undefined, 0, 1],
    ['padding_left', 'more', undefined, 1, 1],
    ['one_to_one', 'equal', [1], 1, 1],
  ])
})

test('numbers of tokens are those of the names, and of the answer that is wanted', () => {
  const cells = tokenCells([
    effect(0, {}),
    effect(1, { answerTokens: 3, answer: 'other' }),
    effect(2, { operation: 'swap' }),
  ])
  expect(cells.map(({ of, tokens, wanted }) => [of, tokens, wanted.share, wanted.n])).toEqual([
    ['names', '1 to 1', 0.5, 2],
    ['answer', '1', 1, 1],
    ['answer', '3', 0, 1],
  ])
})

test('countries that share a token are told from those that share none', () => {
  const bystander = (shares: boolean, kept: boolean): Bystander => ({
    change: 'rows',
    operation: 'overwrite',
    strategy: 'copying',
    pair: 0,
    relation: 'capital',
    lengths: 'more',
    shares,
    kept,
    right: kept,
    wasRight: true,
  })
  const cells = localityCells([bystander(true, false), bystander(false, true), bystander(false, true)])
  const own = cells.filter(({ relation, strategy }) => relation === 'all' && strategy === 'copying')
  expect(
    own.map(({ shares, kept, right, wasRight, prompts }) => [shares, kept.share, right.share, wasRight.share, prompts]),
  ).toEqual([
    [true, 0, 0, 1, 1],
    [false, 1, 1, 1, 2],
  ])
})
