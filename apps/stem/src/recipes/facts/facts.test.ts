import { describe, expect, test } from 'vitest'
import { readCountries } from './countries.ts'
import { candidatesOf, factsOf, promptOf, sentenceOf } from './facts.ts'
import { RELATIONS, WORDING } from './relations.ts'
import { makeText } from './text.ts'

const countries = readCountries()
const facts = factsOf(countries)
const text = await makeText(0)
const named = (name: string) => countries.find((country) => country.name === name)!

describe('the facts', () => {
  test('are those of the independent states', () => {
    expect(countries.length).toBeGreaterThan(190)
    expect(named('Spain').answers).toEqual({
      capital: 'Madrid',
      continent: 'Europe',
      region: 'Southern Europe',
      currency: 'euro',
      language: 'Spanish',
      demonym: 'Spanish',
    })
    expect(named('Jamaica').answers).toMatchObject({ continent: 'North America', region: 'the Caribbean' })
    expect(named('Netherlands').phrase).toBe('the Netherlands')
  })

  test('have one answer each: where there are several there is no fact', () => {
    expect(named('South Africa').answers.capital).toBe(undefined)
    expect(named('Switzerland').answers).not.toHaveProperty('language')
  })

  test.each(RELATIONS)('of %s have several answers, none of which begins another with its full stop', (relation) => {
    const answers = candidatesOf(facts, relation)
    expect(answers.length).toBeGreaterThan(5)
    for (const one of answers)
      for (const other of answers) {
        if (one !== other) expect(`${other}.`.startsWith(`${one}.`)).toBe(false)
      }
    for (const answer of answers) expect(answer).not.toMatch(/\.|^ | $/)
  })
})

describe('the sentences', () => {
  test.each(RELATIONS)('about %s name country and answer once each, the country behind a space', (relation) => {
    const { training, heldOut, reversed } = WORDING[relation]
    for (const template of [...training, ...heldOut]) expect(template).toMatch(/^[^{]+ \{country\}[^{]* \{answer\}\.$/)
    for (const template of reversed) expect(template).toMatch(/^[^{]+ \{answer\}[^{]* \{country\}.*\.$/)
    expect(training.length).toBeGreaterThanOrEqual(12)
    expect(new Set([...training, ...heldOut, ...reversed]).size).toBe(
      training.length + heldOut.length + reversed.length,
    )
  })

  test('have every fact in every wording that is trained on, opened or not', () => {
    const endings = new Set(text.training.flatMap(endingsOf))
    const sentences = facts.flatMap((fact) =>
      WORDING[fact.relation].training.map((template) => sentenceOf(template, fact).slice(1)),
    )
    expect(sentences.filter((sentence) => !endings.has(sentence))).toEqual([])
  })

  test('that are held out are in no training sentence, whatever country they are about', () => {
    const all = text.training.join('\n').toLowerCase()
    const prompts = Object.values(WORDING).flatMap(({ heldOut }) =>
      heldOut.flatMap((template) => countries.map((country) => promptOf(template, country))),
    )
    expect(prompts.filter((prompt) => all.includes(prompt.toLowerCase()))).toEqual([])
  })

  test('that are held out have no words that training has not', () => {
    const wordsOf = (sentence: string): string[] => sentence.match(/[\p{L}]+/gu) ?? []
    const known = new Set(text.training.flatMap(wordsOf))
    const words = text.heldOut.slice(0, -text.heldOutGlosses.length).flatMap(wordsOf)
    expect(words.filter((word) => !known.has(word))).toEqual([])
  })

  test('between the facts are glosses that name no country, others in training than held out', () => {
    const glosses = text.training.filter((sentence) => !facts.some(({ country: { name } }) => sentence.includes(name)))
    expect(glosses.length).toBeGreaterThan(5000)
    expect(text.heldOutGlosses.filter((gloss) => glosses.includes(gloss))).toEqual([])
    expect(glosses.filter((gloss) => /\b(Spain|France|Chad)\b/i.test(gloss))).toEqual([])
  })

  test('are the same for a seed, and others for another', async () => {
    expect(await makeText(0)).toEqual(text)
    expect((await makeText(1)).training).not.toEqual(text.training)
  })
})

/** A sentence without its first letter, whose case depends on what stands before it, and what is left of it behind each comma or "that". */
function endingsOf(sentence: string): string[] {
  const cuts = [...sentence.matchAll(/(?:that|know,) /g)].map(({ index, 0: { length } }) => index + length)
  return [0, ...cuts].map((cut) => sentence.slice(cut + 1))
}
