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
  const references = referencesOf(task, row, context)
  const scores = task.metrics.map(({ metric, ...options }) => {
    const compare = Object.hasOwn(comparisons, metric) ? comparisons[metric] : undefined
    if (!compare) throw new StemkitError('unsupported', `${metric} is no metric of generated text`)
    const results = references.map((reference) => compare(answer, reference, options))
    return [metric, context.hasSeveralTargets ? (results.some((score) => score > 0) ? 1 : 0) : results[0]]
  })
  return Object.fromEntries(scores)
}

/** The texts that count as right. */
function referencesOf(task: Task, row: Row, context: FieldContext & { readonly hasSeveralTargets: boolean }): string[] {
  const target = targetOf(task.target, row, context)
  if (task.choice !== undefined) {
    const choice = typeof target === 'number' ? choicesOf(task.choice, row, context).at(target) : undefined
    if (choice !== undefined) return [choice]
    throw new StemkitError('bad-input', `doc_to_target gives ${pythonStr(target)}, which is the position of no choice`)
  }
  if (!context.hasSeveralTargets) return [pythonStr(target)]
  // Where the first document has a list, a text is taken for one of characters.
  return typeof target === 'string' ? [...target] : [target].flat().map(pythonStr)
}
