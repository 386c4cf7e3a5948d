import { StemkitError } from '@stemkit/spec/errors'
import { choicesOf, targetOf, type FieldContext } from '../prompts/document-fields.ts'
import { pythonStr } from '../python/repr.ts'
import type { FilteredAnswer, MetricValue } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { exactMatch } from './exact-match.ts'

/** Metrics that compare a generated text with a reference, by name. */
const comparisons: Readonly<Record<string, (prediction: string, reference: string, options: object) => number>> = {
  exact_match: exactMatch,
}

/** The metrics of one document from the text that was generated for it. Of several right answers any counts. */
export function scoreGeneration(
  task: Task,
  row: Row,
  [answer]: readonly FilteredAnswer[],
  context: FieldContext & { readonly hasSeveralTargets: boolean },
): Record<string, MetricValue> {
  if (typeof answer !== 'string') {
    throw new StemkitError(
      'bad-input',
      `the filters leave ${pythonStr(answer)}; metrics compare one text (end with take_first)`,
    )
  }
  const target = targetOf(task.target, row, context)
  const gold = task.choice === undefined ? target : choicesOf(task.choice, row, context).at(Number(target))
  const references = context.hasSeveralTargets && Array.isArray(gold) ? gold.map(pythonStr) : [pythonStr(gold)]
  const scores = task.metrics.map(({ metric, ...options }) => {
    const compare = Object.hasOwn(comparisons, metric) ? comparisons[metric] : undefined
    if (!compare) throw new StemkitError('unsupported', `${metric} is no metric of generated text`)
    const results = references.map((reference) => compare(answer, reference, options))
    return [metric, context.hasSeveralTargets ? (results.some((score) => score > 0) ? 1 : 0) : results[0]]
  })
  return Object.fromEntries(scores)
}
