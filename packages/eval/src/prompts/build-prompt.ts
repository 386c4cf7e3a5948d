import { StemkitError } from '@stemkit/spec/errors'
import { drawShots, type ShotDraw, type ShotSampler } from '../fewshot/draw-shots.ts'
import { pythonStr } from '../python/repr.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { delimit } from './delimit.ts'
import { choicesOf, genPrefixOf, ownFieldOf, targetOf, textOf, type FieldContext } from './document-fields.ts'
import { promptText, turnMessages, type ChatFormat, type PromptMessage } from './messages.ts'

export interface PromptOptions {
  readonly systemInstruction?: string
  readonly chat?: ChatFormat
}

export interface BuiltPrompt {
  /** One text; several where the choices are questions (`doc_to_text` gives a number). */
  readonly contexts: readonly string[]
  readonly shots: ShotDraw
}

/** What is before the answer of a document: system text, description, shots and the question. */
export function buildPrompt(
  task: Task,
  row: Row,
  context: FieldContext & { readonly choicesAreQuestions: boolean },
  sampler: ShotSampler | undefined,
  options: PromptOptions = {},
): BuiltPrompt {
  const messages: PromptMessage[] = []
  const system = delimit(options.systemInstruction, ownFieldOf(task.description, row), task.fewshotDelimiter)
  if (system) messages.push({ role: 'system', content: system, delimiter: '' })

  // A pool that is the evaluated split itself holds the document; so do two that are not named.
  const except = task.shots.split === task.definition.test_split ? row : undefined
  const shots = sampler ? drawShots(sampler, task.numFewshot, except) : { used: [] }
  for (const index of shots.used) {
    messages.push(...shotMessages(task, (sampler as ShotSampler).pool.row(index), context))
  }

  const genPrefix = genPrefixOf(task.genPrefix, row, context)
  const question = textOf(task.text, row, context)
  const questions = context.choicesAreQuestions ? choicesOf(task.choice ?? [], row, context) : [question]
  const targetDelimiter = context.choicesAreQuestions ? '' : task.targetDelimiter
  const contexts = questions.map((text) => {
    const turn = { question: asText(text), genPrefix, targetDelimiter, fewshotDelimiter: '' }
    return promptText([...messages, ...turnMessages(turn)], genPrefix, options.chat)
  })
  return { contexts, shots }
}

function shotMessages(
  task: Task,
  row: Row,
  context: FieldContext & { readonly choicesAreQuestions: boolean },
): PromptMessage[] {
  const { shots } = task
  const choices = shots.choice === undefined ? undefined : choicesOf(shots.choice, row, context)
  const text = textOf(shots.text, row, context)
  const question = context.choicesAreQuestions ? choices?.at(text as number) : text
  const answer = answerText(targetOf(shots.target, row, context), context.choicesAreQuestions ? undefined : choices)
  return turnMessages({
    question: asText(question),
    ...(answer !== undefined && { answer }),
    genPrefix: ownFieldOf(shots.genPrefix, row),
    targetDelimiter: shots.targetDelimiter,
    fewshotDelimiter: shots.fewshotDelimiter,
  })
}

/** The answer of a shot: the first of several, a choice by its position. An empty text is none. */
function answerText(target: unknown, choices: readonly string[] | undefined): string | undefined {
  if (target === '' || target === null || target === undefined) return undefined
  const isPosition = typeof target === 'number' || typeof target === 'boolean'
  if (choices && choices.length > 0 && isPosition) return asText(choices.at(Number(target)))
  return asText(Array.isArray(target) ? target[0] : target)
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value
  const shown = value === undefined ? 'nothing' : pythonStr(value)
  throw new StemkitError('bad-input', `a question or an answer of a shot is ${shown}, where text is needed`)
}
