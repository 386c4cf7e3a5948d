import { StemkitError } from '@stemkit/spec/errors'
import { choicesOf, targetOf, textOf, type FieldContext } from '../prompts/document-fields.ts'
import { codePoints } from '../python/text.ts'
import type { FilteredAnswer, MetricValue } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { argmax } from './argmax.ts'
import { softmax } from './softmax.ts'

/** Where the data name no choice that exists. */
const NO_CHOICE = -100
const encoder = new TextEncoder()

type Gold = number | readonly number[]

/** The metrics of one document with choices, from `[log-probability, greedy]` of each. */
export function scoreChoices(
  task: Task,
  row: Row,
  answers: readonly FilteredAnswer[],
  context: FieldContext & { readonly choicesAreQuestions: boolean; readonly hasSeveralTargets: boolean },
): Record<string, MetricValue> {
  const choices = choicesOf(task.choice ?? [], row, context)
  const pairs = answers as readonly (readonly [number, boolean])[]
  const all = pairs.map(([logprob]) => logprob)
  const hasUnconditional =
    task.metrics.some(({ metric }) => metric === 'acc_mutual_info') && all.length === 2 * choices.length
  const logprobs = hasUnconditional ? all.slice(0, choices.length) : all
  const greedy = pairs.map(([, isGreedy]) => isGreedy)

  const goldField = context.choicesAreQuestions ? textOf(task.text, row, context) : targetOf(task.target, row, context)
  const gold = goldOf(goldField, choices, context.hasSeveralTargets)
  const isGold = (choice: number) => (Array.isArray(gold) ? gold.includes(choice) : choice === gold)
  const right = (scores: readonly number[]) => (isGold(argmax(scores)) ? 1 : 0)
  const prediction = argmax(logprobs)
  const perUnit = (length: (choice: string) => number) =>
    logprobs.map((logprob, i) => logprob / length(choices[i % choices.length] ?? ''))

  const metrics: Record<string, () => MetricValue> = {
    acc: () => right(logprobs),
    f1: () => [gold, prediction],
    mcc: () => [gold, prediction],
    acc_norm: () => right(perUnit(codePoints)),
    acc_bytes: () => right(perUnit((choice) => encoder.encode(choice).length)),
    exact_match: () =>
      (Array.isArray(gold) ? gold : [gold as number]).some((i) => i !== NO_CHOICE && greedy.at(i)) ? 1 : 0,
    brier_score: () => [gold, softmax(logprobs)],
    likelihood: () => [gold, logprobs],
    acc_mutual_info: () => {
      const gains = logprobs.map((logprob, i) => logprob - (all[choices.length + i] ?? Number.NaN))
      return argmax(gains) === gold ? 1 : 0
    },
  }
  return Object.fromEntries(
    Object.entries(metrics)
      .filter(([name]) => task.metrics.some(({ metric }) => metric === name))
      .map(([name, compute]) => [name, compute()]),
  )
}

/** The right choice, or the right ones, as positions. */
function goldOf(gold: unknown, choices: readonly string[], several: boolean): Gold {
  const bounded = (position: number) => (position < choices.length ? position : NO_CHOICE)
  if (Array.isArray(gold)) return gold.map((position) => bounded(Number(position)))
  if (several)
    throw new StemkitError('bad-input', 'the first document has a list of right answers, a later one has none')
  if (typeof gold === 'number' || typeof gold === 'boolean') return bounded(Number(gold))
  const position = choices.indexOf(String(gold))
  return position < 0 ? NO_CHOICE : position
}
