import { expect, test } from 'vitest'
import { readCases } from './cases/read-cases.ts'
import { donorFinder, factsOf } from './find-donor.ts'

const { cases } = readCases(
  JSON.stringify([
    { subject: 'Spain', relation: 'capital', prompt: 'The capital of Spain is', answer: 'Berlin', truth: 'Madrid' },
    { subject: 'Federal Germany', relation: 'capital', prompt: 'x', answer: 'Rome', truth: 'berlin ' },
    { subject: 'Germany', relation: 'capital', prompt: 'x', answer: 'Rome', truth: 'Berlin' },
    { subject: 'Spree', relation: 'flows', prompt: 'x', answer: 'Rome', truth: 'Berlin' },
  ]),
)
const wordsOf = (text: string): number => text.split(' ').length
const find = donorFinder(factsOf(cases), wordsOf)

test('whose rows to take: of the same relation, as many tokens as can be had', () => {
  expect(find(cases[0]!)).toEqual({ subject: 'Germany', by: 'relation' })
  expect(find({ ...cases[0]!, subject: 'New Spain' })).toEqual({ subject: 'Federal Germany', by: 'relation' })
})

test('never its own, nor another relation, nor somebody without the answer', () => {
  expect(find({ ...cases[0]!, answer: 'Madrid' })).toBeUndefined()
  expect(find({ ...cases[0]!, relation: 'anthem' })).toBeUndefined()
})

test('where relations are not named: by the same words, else by the answer alone', () => {
  const facts = [
    { subject: 'Spree', answer: 'Berlin', prompt: 'Spree flows through' },
    { subject: 'Germany', answer: 'Berlin', prompt: 'The capital of Germany is' },
  ]
  const { relation: _, ...wanted } = cases[0]!
  expect(donorFinder(facts, wordsOf)(wanted)).toEqual({ subject: 'Germany', by: 'template' })
  expect(donorFinder(facts.slice(0, 1), wordsOf)(wanted)).toEqual({ subject: 'Spree', by: 'answer' })
  expect(donorFinder(facts, wordsOf)({ ...wanted, donor: 'Peru' })).toEqual({ subject: 'Peru', by: 'given' })
})
