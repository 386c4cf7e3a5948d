import { StemkitError } from '@stemkit/spec/errors'
import { targetOf, type FieldContext } from '../prompts/document-fields.ts'
import type { FilteredAnswer, MetricValue } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { countBytes, countWords } from './count-units.ts'
import { scoreChoices } from './score-choices.ts'
import { scoreGeneration } from './score-generation.ts'

export interface ScoreContext extends FieldContext {
  readonly choicesAreQuestions: boolean
  readonly hasSeveralTargets: boolean
}

/** What each metric of a task records of one document, from the filtered answers to its requests. */
export function scoreDocument(
  task: Task,
  row: Row,
  answers: readonly FilteredAnswer[],
  context: ScoreContext,
): Readonly<Record<string, MetricValue>> {
  const { process_results: name } = task.definition
  if (name !== undefined) {
    const process = context.processors.results?.[name]
    if (!process) throw new StemkitError('not-found', `no processor of results is called ${name}`)
    return process(row, answers)
  }
  switch (task.outputType) {
    case 'multiple_choice':
      return scoreChoices(task, row, answers, context)
    case 'generate_until':
      return scoreGeneration(task, row, answers, context)
    case 'loglikelihood': {
      const [logprob, greedy] = answers[0] as readonly [number, boolean]
      return ofMetrics(task, { perplexity: logprob, acc: greedy ? 1 : 0 })
    }
    case 'loglikelihood_rolling': {
      const text = String(targetOf(task.target, row, context))
      return ofMetrics(task, rollingScores(answers[0] as number, text))
    }
  }
}

/** Log-probability of a text with its words and bytes, for the metrics that divide one by the other. */
export const rollingScores = (logprob: number, text: string): Record<string, readonly [number, number]> => ({
  word_perplexity: [logprob, countWords(text)],
  byte_perplexity: [logprob, countBytes(text)],
  bits_per_byte: [logprob, countBytes(text)],
})

const ofMetrics = (task: Task, scores: Readonly<Record<string, MetricValue>>) =>
  Object.fromEntries(Object.entries(scores).filter(([name]) => task.metrics.some(({ metric }) => metric === name)))
