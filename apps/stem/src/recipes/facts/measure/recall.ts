import type { Fact } from '../facts.ts'
import { WORDING } from '../relations.ts'
import { ask, type AskOptions, type Reply } from './ask.ts'
import { untouched } from './readings.ts'
import type { Subject } from './subject.ts'

export const WORDING_SETS = ['training', 'heldOut'] as const
export type WordingSet = (typeof WORDING_SETS)[number]

/** What an untouched model says to one prompt. */
export interface Recalled {
  readonly fact: Fact
  readonly set: WordingSet
  readonly template: string
  /** The likeliest answer. */
  readonly chosen: string
  /** Whether greedy decoding gives the true one. */
  readonly generated: boolean
}

/** Asks for all facts in all wordings. */
export async function recallFacts(subject: Subject, options: AskOptions): Promise<Recalled[]> {
  const asked = subject.facts.flatMap((fact) =>
    WORDING_SETS.flatMap((set) => WORDING[fact.relation][set].map((template) => ({ fact, set, template }))),
  )
  const replies = await ask(
    subject.reader,
    asked.map(({ fact, template }) =>
      subject.questionOf(untouched(subject.promptOf(template, fact.country)), fact.relation, fact.answer),
    ),
    options,
  )
  return asked.map((each, i) => {
    const { chosen, generated }: Reply = replies[i]!
    return { ...each, chosen: subject.answerOf(each.fact.relation, chosen), generated }
  })
}

/** What the untouched model answered, to hold every case against. */
export function baselineOf(recalled: readonly Recalled[]): (fact: Fact, template: string) => string {
  const answers = new Map<Fact, Map<string, string>>()
  for (const { fact, template, chosen } of recalled) {
    const known = answers.get(fact) ?? new Map<string, string>()
    answers.set(fact, known.set(template, chosen))
  }
  return (fact, template) => answers.get(fact)!.get(template)!
}
