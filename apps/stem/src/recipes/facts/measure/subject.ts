import type { Engine } from '@stemkit/compile'
import { readModel } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { Country } from '../countries.ts'
import { candidatesOf, promptOf, type Fact } from '../facts.ts'
import { RELATIONS, type Relation } from '../relations.ts'
import { createAnswerTree, type AnswerTree } from './answer-tree.ts'
import type { Question } from './ask.ts'
import { createReader, type Reader } from './reader.ts'
import type { Reading } from './readings.ts'

/** A model that is asked about facts. */
export interface Subject {
  readonly label: string
  readonly reader: Reader
  readonly facts: readonly Fact[]
  /** The token whose row fills up, for strategies that pad: that of ` the`. */
  readonly padId: number
  /** Tokens of a country's name, behind a space as it stands in all sentences. */
  nameOf(country: Country): readonly number[]
  /** Tokens of a wording up to its answer. */
  promptOf(template: string, country: Country): readonly number[]
  /** What is asked about a prompt, however it is read: how probable `answer` is, among all answers of the relation. */
  questionOf(reading: Reading, relation: Relation, answer: string): Question
  /** The answer that a reply has chosen. */
  answerOf(relation: Relation, chosen: number): string
  /** Tokens of an answer, without the full stop. */
  lengthOf(relation: Relation, answer: string): number
  /** Whether the chosen answer has the first token of another. */
  answersBeginAlike(relation: Relation, chosen: number, answer: string): boolean
  dispose(): Promise<void>
}

export interface SubjectOptions {
  readonly label: string
  readonly folder: string
  readonly facts: readonly Fact[]
  readonly engine: Engine
  readonly signal: AbortSignal
}

/** @throws as `readModel`; bad-input for a model without a tokenizer */
export async function openSubject({ label, folder, facts, engine, signal }: SubjectOptions): Promise<Subject> {
  const files = await readModel(folder, { signal })
  const { tokenizer } = files
  if (!tokenizer) throw new StemkitError('bad-input', `${folder} has no tokenizer; facts are asked in words`)
  const tokensOf = remembered((text: string) => Array.from(tokenizer.encode(text)))
  const trees = new Map(RELATIONS.map((relation) => [relation, treeOf(facts, relation, tokensOf)]))
  const reader = await createReader(files, engine)
  return {
    label,
    reader,
    facts,
    padId: tokensOf(' the')[0]!,
    nameOf: ({ name }) => tokensOf(` ${name}`),
    promptOf: (template, country) => tokensOf(promptOf(template, country)),
    questionOf(reading, relation, answer) {
      const { answers, tree } = trees.get(relation)!
      return { ...reading, tree, answer: answers.indexOf(answer) }
    },
    answerOf: (relation, chosen) => trees.get(relation)!.answers[chosen]!,
    lengthOf(relation, answer) {
      const { answers, tree } = trees.get(relation)!
      return tree.answers[answers.indexOf(answer)]!.length - 1
    },
    answersBeginAlike(relation, chosen, answer) {
      const { answers, tree } = trees.get(relation)!
      return tree.answers[chosen]![0] === tree.answers[answers.indexOf(answer)]![0]
    },
    dispose: () => reader.dispose(),
  }
}

function treeOf(
  facts: readonly Fact[],
  relation: Relation,
  tokensOf: (text: string) => readonly number[],
): { readonly answers: readonly string[]; readonly tree: AnswerTree } {
  const answers = candidatesOf(facts, relation)
  return { answers, tree: createAnswerTree(answers.map((answer) => tokensOf(` ${answer}.`))) }
}

function remembered<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text) ?? make(text)
    known.set(text, found)
    return found
  }
}
