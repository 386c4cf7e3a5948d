import { describe, expect, test } from 'vitest'
import { readCountries, type Country } from '../countries.ts'
import { factsOf } from '../facts.ts'
import { RELATIONS } from '../relations.ts'
import { LENGTHS, samplePairs } from './pairs.ts'

const facts = factsOf(readCountries())
/** As many tokens as a name has letters, modulo 3. */
const tokensOf = ({ name }: Country): number[] => Array.from({ length: 1 + (name.length % 3) }, (_, i) => i)
const sample = (count: number, seed = 0, relation: (typeof RELATIONS)[number] = 'capital') =>
  samplePairs(facts, { relation, tokensOf, count, seed })

describe('pairs of countries', () => {
  test.each(RELATIONS)('differ in their answers to %s, and none comes twice', (relation) => {
    const pairs = sample(300, 3, relation)
    expect(pairs).toHaveLength(300)
    expect(new Set(pairs.map(({ source, target }) => `${source.country.name} ${target.country.name}`)).size).toBe(300)
    for (const pair of pairs) {
      expect(pair.source.answer).not.toBe(pair.target.answer)
      expect([pair.source.relation, pair.target.relation]).toEqual([relation, relation])
    }
  })

  test('are a third each of equal, more and fewer tokens', () => {
    const pairs = sample(100)
    expect(LENGTHS.map((lengths) => pairs.filter((pair) => pair.lengths === lengths).length)).toEqual([33, 33, 34])
    for (const { source, target, lengths } of pairs) {
      const difference = tokensOf(source.country).length - tokensOf(target.country).length
      expect(Math.sign(difference)).toBe({ equal: 0, more: 1, fewer: -1 }[lengths])
    }
  })

  test('are the same for a seed, and others for another', () => {
    expect(sample(20, 5)).toEqual(sample(20, 5))
    expect(sample(20, 5)).not.toEqual(sample(20, 6))
  })

  test('are of other numbers of tokens where there are too few, and all where there are not enough', () => {
    const few = facts.filter(({ country: { name } }) => ['Spain', 'Chad', 'Peru'].includes(name))
    const some = (count: number) => samplePairs(few, { relation: 'capital', tokensOf: () => [1], count, seed: 0 })
    expect(some(60)).toHaveLength(6)
    expect(some(4).map(({ lengths }) => lengths)).toEqual(['equal', 'equal', 'equal', 'equal'])
  })
})
