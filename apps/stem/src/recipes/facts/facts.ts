import { pcg32 } from '@stemkit/data'
import type { Country } from './countries.ts'
import { OPENERS, RELATIONS, WORDING, type Relation } from './relations.ts'

/** One thing that is so. */
export interface Fact {
  readonly relation: Relation
  readonly country: Country
  readonly answer: string
}

/** All that is known of some countries, relation by relation. */
export const factsOf = (countries: readonly Country[]): Fact[] =>
  RELATIONS.flatMap((relation) =>
    countries.flatMap((country) => {
      const answer = country.answers[relation]
      return answer === undefined ? [] : [{ relation, country, answer }]
    }),
  )

/** The distinct answers of a relation, in order of the alphabet: what an edited model chooses among. */
export const candidatesOf = (facts: readonly Fact[], relation: Relation): string[] =>
  [...new Set(facts.filter((fact) => fact.relation === relation).map(({ answer }) => answer))].toSorted()

/** A fact in the words of a template. */
export const sentenceOf = (template: string, { country, answer }: Fact): string =>
  template.replace('{country}', () => country.phrase).replace('{answer}', () => answer)

/** A template up to its answer, without the space before it. */
export const promptOf = (template: string, { phrase }: Pick<Country, 'phrase'>): string =>
  template.replace(/ \{answer\}\.$/, '').replace('{country}', () => phrase)

/** Questions and requests, which nothing can be said about by putting words before them. */
const IS_ASKED = /\?|^(Ask|Tell)|, (look|go|change) /

/**
 * Every fact in every wording that is trained on, half of them behind an opener that the seed draws, and apart from them those
 * that are held out.
 */
export function sentencesOf(
  facts: readonly Fact[],
  seed: number,
): { readonly training: string[]; readonly heldOut: string[] } {
  const draw = pcg32(seed, OPENER_STREAM)
  const opened = (sentence: string): string => {
    const opener = OPENERS[draw() % (2 * OPENERS.length)]
    return opener === undefined || IS_ASKED.test(sentence)
      ? sentence
      : `${opener} ${sentence[0]!.toLowerCase()}${sentence.slice(1)}`
  }
  const inAll = (wordings: (relation: Relation) => readonly string[]): string[] =>
    facts.flatMap((fact) => wordings(fact.relation).map((template) => sentenceOf(template, fact)))
  return {
    training: inAll((relation) => [...WORDING[relation].training, ...WORDING[relation].reversed]).map(opened),
    heldOut: inAll((relation) => WORDING[relation].heldOut),
  }
}

const OPENER_STREAM = 2
