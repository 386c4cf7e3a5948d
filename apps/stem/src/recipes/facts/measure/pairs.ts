import { permutation } from '@stemkit/data'
import type { Country } from '../countries.ts'
import type { Fact } from '../facts.ts'
import type { Relation } from '../relations.ts'

/** How many tokens the source's name has, held against the target's. */
export const LENGTHS = ['equal', 'more', 'fewer'] as const
export type Lengths = (typeof LENGTHS)[number]

/** An edit to be made: what is true of the target is to be said of the source. */
export interface Pair {
  readonly relation: Relation
  readonly source: Fact
  readonly target: Fact
  readonly lengths: Lengths
}

export interface SampleOptions {
  readonly relation: Relation
  /** Tokens of a country's name behind a space. */
  readonly tokensOf: (country: Country) => readonly number[]
  readonly count: number
  readonly seed: number
}

function lengthsOf(source: readonly number[], target: readonly number[]): Lengths {
  if (source.length === target.length) return 'equal'
  return source.length > target.length ? 'more' : 'fewer'
}

/**
 * Ordered pairs of countries whose answers to a relation differ, no pair twice: a third of each of `LENGTHS`, and where there are
 * not so many, more of the others. The same seed gives the same pairs.
 */
export function samplePairs(facts: readonly Fact[], { relation, tokensOf, count, seed }: SampleOptions): Pair[] {
  const known = facts.filter((fact) => fact.relation === relation)
  const tokens = known.map(({ country }) => tokensOf(country))
  const wanted = new Map(LENGTHS.map((lengths, i) => [lengths, Math.floor((count + i) / LENGTHS.length)]))
  const pairs: Pair[] = []
  const others: Pair[] = []
  for (const place of permutation(known.length ** 2, seed, streamOf(relation))) {
    const [s, t] = [Math.floor(place / known.length), place % known.length]
    const [source, target] = [known[s]!, known[t]!]
    if (source.answer === target.answer) continue
    const lengths = lengthsOf(tokens[s]!, tokens[t]!)
    const left = wanted.get(lengths)!
    wanted.set(lengths, left - 1)
    const to = left > 0 ? pairs : others
    to.push({ relation, source, target, lengths })
  }
  return [...pairs, ...others.slice(0, count - pairs.length)]
}

/** A stream of random numbers for each relation, by the letters of its name. */
const streamOf = (relation: Relation): number =>
  [...relation].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7)
