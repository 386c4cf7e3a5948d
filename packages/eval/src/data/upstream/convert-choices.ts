import { StemkitError } from '@stemkit/spec/errors'
import type { Row } from '../../tasks/rows.ts'

const LETTERS = ['A', 'B', 'C', 'D', 'E']

/** A text of a row; another value is an error that names the column. */
export function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new StemkitError('corrupt', `a row has no text '${column}'; its columns are ${Object.keys(row).join(', ')}`)
}

interface Stem {
  readonly stem: string
  readonly choices: readonly { readonly text: string; readonly label: string }[]
}

/** AI2's ARC. */
export const arcRow = (row: Row): Row => {
  const { stem, choices } = row['question'] as Stem
  return {
    id: row['id'],
    question: stem,
    choices: { text: choices.map(({ text }) => text), label: choices.map(({ label }) => label) },
    answerKey: row['answerKey'],
  }
}

/** OpenBookQA as MosaicML has it. */
export const openbookqaRow = (row: Row, index: number): Row => {
  const choices = row['choices'] as readonly string[]
  const label = LETTERS.slice(0, choices.length)
  return {
    id: String(index),
    question_stem: row['query'],
    choices: { text: choices, label },
    answerKey: label[row['gold'] as number],
  }
}

/** BoolQ as SuperGLUE's release has it, its labels being text. */
export const boolqRow = (row: Row, index: number): Row => ({
  question: row['question'],
  passage: row['passage'],
  idx: index,
  label: String(row['label']) === 'true' ? 1 : 0,
})

export const piqaRow = (row: Row, label: string): Row => ({
  goal: row['goal'],
  sol1: row['sol1'],
  sol2: row['sol2'],
  label: Number(label),
})

export const socialIqaRow = (row: Row, label: string): Row => ({
  context: row['context'],
  question: row['question'],
  answerA: row['answerA'],
  answerB: row['answerB'],
  answerC: row['answerC'],
  label,
})

/** MMLU as CSV with a header. */
export const mmluRow = (row: Row, subject: string): Row => ({
  question: textIn(row, 'question'),
  subject,
  choices: [0, 1, 2, 3].map((i) => textIn(row, `choice${i}`)),
  answer: Number(row['answer']),
})

/** WinoGrande as MosaicML has it: two contexts that part at the option. */
export const winograndeRow = (row: Row): Row => {
  const [first, second] = row['context_options'] as readonly [string, string]
  const continuation = textIn(row, 'continuation')
  let same = 0
  while (same < first.length && first[same] === second[same]) same++
  const start = first.slice(0, same).lastIndexOf(' ') + 1
  const space = /^[\p{L}\p{N}]/u.test(continuation) ? ' ' : ''
  return {
    sentence: `${first.slice(0, start)}_${space}${continuation}`,
    option1: first.slice(start),
    option2: second.slice(start),
    answer: String((row['gold'] as number) + 1),
  }
}

/**
 * HellaSwag as AbstainQA has it, without activities: instructions are told by their marks, and all else is an activity whose last
 * sentence is the one that goes on.
 */
export const hellaswagRow = (row: Row): Row => {
  const question = textIn(row, 'question')
  const isHowTo = /\[(?:header|title|step)\]/u.test(question)
  const cut = isHowTo ? -1 : question.lastIndexOf('. ')
  const choices = row['choices'] as Readonly<Record<string, string>>
  return {
    ind: row['id'],
    activity_label: isHowTo ? 'How to' : 'Activity',
    ctx_a: cut < 0 ? question : question.slice(0, cut + 1),
    ctx_b: cut < 0 ? '' : question.slice(cut + 2),
    ctx: question,
    endings: LETTERS.slice(0, 4).map((letter) => choices[letter]),
    source_id: isHowTo ? 'wikihow' : 'activitynet',
    split: 'val',
    split_type: row['domain'],
    label: String(LETTERS.indexOf(textIn(row, 'answer'))),
  }
}
