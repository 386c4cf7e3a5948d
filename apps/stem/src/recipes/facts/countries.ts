import { createRequire } from 'node:module'
import type { Country as Entry } from 'world-countries'
import { RELATIONS, type Relation } from './relations.ts'

/** A country and what is known of it. */
export interface Country {
  /** As in `Spain` or `Netherlands`: the words that an edit is about. */
  readonly name: string
  /** As it stands in a sentence, `the Netherlands`. */
  readonly phrase: string
  /** One answer for each relation; none where there are several, or none at all. */
  readonly answers: Readonly<Partial<Record<Relation, string>>>
}

/** The independent states of the package world-countries, by name. */
export function readCountries(): Country[] {
  const entries = createRequire(import.meta.url)('world-countries') as readonly Entry[]
  return entries
    .filter(({ independent }) => independent)
    .map(countryOf)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function countryOf(entry: Entry): Country {
  const { common: name } = entry.name
  const answers = RELATIONS.flatMap((relation): [Relation, string][] => {
    const answer = answerOf[relation](entry)
    return answer === undefined ? [] : [[relation, answer]]
  })
  return { name, phrase: needsArticle.test(name) ? `the ${name}` : name, answers: Object.fromEntries(answers) }
}

const needsArticle =
  /^(Bahamas|Central African Republic|Comoros|DR Congo|Dominican Republic|Gambia|Maldives|Marshall Islands|Netherlands|Philippines|Republic of the Congo|Seychelles|Solomon Islands|United .*)$/

const onlyOne = (values: readonly string[]): string | undefined => (values.length === 1 ? values[0] : undefined)

const answerOf: Readonly<Record<Relation, (entry: Entry) => string | undefined>> = {
  // A full stop would end the sentence too early.
  capital: ({ capital }) => onlyOne(capital)?.replace(' D.C.', '').replace('St. ', 'Saint '),
  continent: ({ region, subregion }) => {
    if (region !== 'Americas') return region
    return subregion === 'South America' ? subregion : 'North America'
  },
  // Two countries name the region in which only they are.
  region: ({ subregion }) => {
    if (subregion === 'Australia and New Zealand') return undefined
    return subregion === 'Caribbean' ? `the ${subregion}` : subregion
  },
  currency: ({ currencies }) => onlyOne(Object.values(currencies).map(({ name }) => (name === 'Euro' ? 'euro' : name))),
  language: ({ languages }) => onlyOne(Object.values(languages).map((name) => name.replace(/ \(.*\)$/, ''))),
  demonym: ({ demonyms }) => onlyOne((demonyms['eng']?.m ?? '').split(/, | or /).filter((name) => name !== '')),
}
