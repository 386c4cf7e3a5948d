import type { Fact } from '../facts.ts'
import { WORDING, type Relation } from '../relations.ts'
import { ask, type AskOptions, type Question } from './ask.ts'
import { drawSome } from './draw.ts'
import { editOf, suits, type Method } from './efficacy.ts'
import type { Lengths, Pair } from './pairs.ts'
import { isPossible, readingOf } from './readings.ts'
import type { Subject } from './subject.ts'

/** What an edited model says of a country that was not edited, to one prompt of the training wordings. */
export interface Bystander extends Method {
  readonly pair: number
  readonly relation: Relation
  readonly lengths: Lengths
  /** Whether its name has a token of the edited one's. */
  readonly shares: boolean
  /** Whether the likeliest answer is what it was before. */
  readonly kept: boolean
  /** Whether it is the true one, and whether it was before. */
  readonly right: boolean
  readonly wasRight: boolean
}

/** Countries that are asked about, of those that share a token with an edited one, and of the others. */
const ASKED = 3

export interface LocalityOptions extends AskOptions {
  readonly seed: number
  readonly before: (fact: Fact, template: string) => string
}

/** Asks for the same relation of other countries, after every edit. */
export async function measureLocality(
  subject: Subject,
  pairs: readonly Pair[],
  methods: readonly Method[],
  { seed, before, ...options }: LocalityOptions,
): Promise<Bystander[]> {
  const asked: (Omit<Bystander, 'kept' | 'right' | 'wasRight'> & { readonly fact: Fact; readonly template: string })[] =
    []
  const questions: Question[] = []
  pairs.forEach((pair, index) => {
    const { relation, source, target, lengths } = pair
    const others = subject.facts.filter(
      (fact) => fact.relation === relation && fact.country !== source.country && fact.country !== target.country,
    )
    for (const method of methods) {
      if (!suits(method, lengths)) continue
      const edit = editOf(subject, pair, method)
      if (!isPossible(subject.reader, edit)) continue
      const read = readingOf(subject.reader, edit)
      const edited = new Set(method.operation === 'swap' ? [...edit.source, ...edit.target] : edit.source)
      const sharesOne = ({ country }: Fact): boolean => subject.nameOf(country).some((token) => edited.has(token))
      for (const shares of [true, false]) {
        const some = drawSome(
          others.filter((fact) => sharesOne(fact) === shares),
          ASKED,
          seed,
          index,
        )
        some.forEach((fact, i) => {
          const [template] = drawSome(WORDING[relation].training, 1, seed, index * ASKED + i)
          asked.push({ ...method, pair: index, relation, lengths, shares, fact, template: template! })
          questions.push(subject.questionOf(read(subject.promptOf(template!, fact.country)), relation, fact.answer))
        })
      }
    }
  })
  const replies = await ask(subject.reader, questions, options)
  return asked.map(({ fact, template, ...each }, i) => {
    const answer = subject.answerOf(fact.relation, replies[i]!.chosen)
    const was = before(fact, template)
    return { ...each, kept: answer === was, right: answer === fact.answer, wasRight: was === fact.answer }
  })
}
