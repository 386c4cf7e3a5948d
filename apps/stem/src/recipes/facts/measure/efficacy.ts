import type { Strategy } from '@stemkit/edit'
import type { Fact } from '../facts.ts'
import { WORDING, type Relation } from '../relations.ts'
import { ask, type AskOptions, type Question } from './ask.ts'
import { drawSome } from './draw.ts'
import type { Lengths, Pair } from './pairs.ts'
import { isPossible, readingOf, type Change, type TokenEdit } from './readings.ts'
import type { WordingSet } from './recall.ts'
import type { Subject } from './subject.ts'

/** One way of editing, to be tried on many pairs. */
export interface Method {
  readonly change: Change
  readonly operation: 'overwrite' | 'swap'
  readonly strategy: Strategy
  /** STEM layers, counted from 0. Default: all. */
  readonly layers?: readonly number[]
}

/** What an edited model says of the country that was edited, to one prompt. */
export interface Effect extends Method {
  readonly pair: number
  readonly relation: Relation
  readonly lengths: Lengths
  /** Numbers of tokens of source and target, as in `1 to 2`. */
  readonly tokens: string
  /** Tokens of the wanted answer, without the full stop. */
  readonly answerTokens: number
  /** Of a swap, the target is asked about as well. */
  readonly side: 'source' | 'target'
  readonly set: WordingSet
  /** The likeliest answer: what the edit wants, what was so before, or another. */
  readonly answer: 'wanted' | 'old' | 'other'
  /** Whether the likeliest answer begins with the same token as the wanted one. */
  readonly begins: boolean
  /** Whether greedy decoding gives exactly the wanted answer. */
  readonly generated: boolean
  /** Whether the wanted answer was the likeliest before the edit, and whether the old one was. */
  readonly before: 'wanted' | 'old' | 'other'
  /** Whether the untouched model answers truly for both countries in these words. */
  readonly known: boolean
}

export interface Effects {
  readonly effects: readonly Effect[]
  /** Edits that rows cannot express, as one token would need two of them. */
  readonly refused: readonly (Method & { readonly pair: number; readonly lengths: Lengths })[]
}

/** Which strategies suit which numbers of tokens. */
export const STRATEGIES_FOR: Readonly<
  Record<Lengths, { readonly rows: readonly Strategy[]; readonly text: readonly Strategy[] }>
> = {
  equal: { rows: ['one_to_one'], text: [] },
  more: { rows: ['padding_right', 'padding_left', 'padding_keep', 'copying', 'copying_last'], text: [] },
  fewer: {
    rows: ['subset_first', 'subset_last', 'subset_even', 'mean'],
    text: ['expand_padding', 'expand_repeat_last', 'expand_copying'],
  },
}

/** Wordings of the training text that a pair is asked in, of each relation's many. */
const TRAINING_WORDINGS = 3

export interface EfficacyOptions extends AskOptions {
  readonly seed: number
  readonly before: (fact: Fact, template: string) => string
}

/** Tries every method on every pair whose numbers of tokens it suits. */
export async function measureEfficacy(
  subject: Subject,
  pairs: readonly Pair[],
  methods: readonly Method[],
  { seed, before, ...options }: EfficacyOptions,
): Promise<Effects> {
  const asked: (Omit<Effect, 'answer' | 'begins' | 'generated' | 'before' | 'known'> & {
    readonly fact: Fact
    readonly other: Fact
    readonly template: string
  })[] = []
  const questions: Question[] = []
  const refused: Effects['refused'][number][] = []
  pairs.forEach((pair, index) => {
    const { relation, lengths, source, target } = pair
    const { training, heldOut } = WORDING[relation]
    const templates = [
      ...drawSome(training, TRAINING_WORDINGS, seed, index).map((template) => ({ set: 'training' as const, template })),
      ...heldOut.map((template) => ({ set: 'heldOut' as const, template })),
    ]
    for (const method of methods) {
      if (!suits(method, lengths)) continue
      const edit = editOf(subject, pair, method)
      if (!isPossible(subject.reader, edit)) {
        refused.push({ ...method, pair: index, lengths })
        continue
      }
      const read = readingOf(subject.reader, edit)
      const sides = [
        { side: 'source' as const, fact: source, other: target },
        ...(method.operation === 'swap' ? [{ side: 'target' as const, fact: target, other: source }] : []),
      ]
      const tokens = `${edit.source.length} to ${edit.target.length}`
      for (const { side, fact, other } of sides) {
        for (const { set, template } of templates) {
          asked.push({
            ...method,
            pair: index,
            relation,
            lengths,
            tokens,
            answerTokens: subject.lengthOf(relation, other.answer),
            side,
            set,
            fact,
            other,
            template,
          })
          questions.push(subject.questionOf(read(subject.promptOf(template, fact.country)), relation, other.answer))
        }
      }
    }
  })
  const replies = await ask(subject.reader, questions, options)
  const effects = asked.map(({ fact, other, template, ...each }, i): Effect => {
    const { chosen, generated } = replies[i]!
    const kindOf = (answer: string): Effect['answer'] =>
      answer === other.answer ? 'wanted' : answer === fact.answer ? 'old' : 'other'
    const answer = kindOf(subject.answerOf(fact.relation, chosen))
    const was = kindOf(before(fact, template))
    const known = was === 'old' && before(other, template) === other.answer
    const begins = subject.answersBeginAlike(fact.relation, chosen, other.answer)
    return { ...each, answer, begins, generated, before: was, known }
  })
  return { effects, refused }
}

export function suits({ change, strategy }: Method, lengths: Lengths): boolean {
  return STRATEGIES_FOR[lengths][change === 'text' ? 'text' : 'rows'].includes(strategy)
}

export function editOf(subject: Subject, { source, target }: Pair, method: Method): TokenEdit {
  return {
    ...method,
    source: subject.nameOf(source.country),
    target: subject.nameOf(target.country),
    padId: subject.padId,
  }
}
