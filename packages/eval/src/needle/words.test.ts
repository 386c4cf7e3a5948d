import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { adjectiveNounPairs, needleWords, wordList } from './words.ts'

describe('adjectiveNounPairs', () => {
  it('has every pair once, in order, however the halves overlap', () => {
    const half = fc.stringMatching(/^[ab-]{1,3}$/)
    fc.assert(
      fc.property(fc.array(half, { maxLength: 8 }), fc.array(half, { maxLength: 8 }), (adjectives, nouns) => {
        const pairs = adjectiveNounPairs(adjectives, nouns)
        const expected = wordList(adjectives.flatMap((adjective) => nouns.map((noun) => `${adjective}-${noun}`)))
        const all = (list: typeof pairs) => Array.from({ length: list.size }, (_, i) => list.at(i))
        expect(all(pairs)).toEqual(all(expected))
      }),
    )
  })
})

describe('needleWords', () => {
  it('are pairs of an adjective and a noun', () => {
    expect(needleWords().size).toBe(910 * 6782)
    expect(needleWords().at(0)).toBe('Early-ATM')
    expect(needleWords().at(910 * 6782 - 1)).toBe('zonked-zucchini')
  })
})
