import { StemkitError } from '@stemkit/spec/errors'
import type { ShotDraw } from '../fewshot/draw-shots.ts'
import type { ShotPool } from '../fewshot/shot-pool.ts'
import { buildPrompt, type PromptOptions } from '../prompts/build-prompt.ts'
import { buildRequests, type DocumentRequest } from '../prompts/build-requests.ts'
import { targetOf, textOf } from '../prompts/document-fields.ts'
import { pythonRandom } from '../python/random.ts'
import type { ScoreContext } from '../scores/score-document.ts'
import type { Processors } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { naming } from './naming.ts'

export interface TaskDocument {
  /** As the log of samples numbers it. */
  readonly docId: number
  /** After `process_docs`. */
  readonly row: Row
}

/** The rows that a task is about in a run. */
export interface TaskDocuments {
  readonly documents: readonly TaskDocument[]
  /** How many rows the evaluated split has. */
  readonly splitSize: number
  /** Where the shots come from; needed where there are any. */
  readonly pool?: ShotPool
}

export interface PlanOptions extends PromptOptions {
  readonly processors: Processors
  /** Of the draws of shots. */
  readonly seed: number
}

export interface PlannedDocument extends TaskDocument {
  readonly shots: ShotDraw
  readonly requests: readonly DocumentRequest[]
}

/** Everything that is asked for a task, before any of it is. */
export interface TaskPlan {
  readonly task: Task
  readonly context: ScoreContext
  readonly splitSize: number
  readonly documents: readonly PlannedDocument[]
}

/** The requests of every document of a task. The same rows and options always give the same plan. */
export function planTask(task: Task, { documents, splitSize, pool }: TaskDocuments, options: PlanOptions): TaskPlan {
  const [first] = documents
  if (!first) throw new StemkitError('bad-input', `${task.name}: there are no documents to evaluate`)
  const context = contextOf(task, first.row, options.processors)
  if (task.numFewshot > 0 && !pool) {
    throw new StemkitError(
      'bad-input',
      `${task.name}: ${task.numFewshot} shots are asked for and there are no rows for them`,
    )
  }
  const sampler =
    pool && task.numFewshot > 0 ? { pool, sampler: task.shots.sampler, random: pythonRandom(options.seed) } : undefined
  const isChat = options.chat !== undefined
  return {
    task,
    context,
    splitSize,
    documents: documents.map(({ docId, row }) =>
      naming(task, docId, () => {
        const { contexts, shots } = buildPrompt(task, row, context, sampler, options)
        return { docId, row, shots, requests: buildRequests(task, row, contexts, context, { isChat }) }
      }),
    ),
  }
}

/** Whether choices are questions, and whether there are several right answers, is as in the first document. */
function contextOf(task: Task, row: Row, processors: Processors): ScoreContext {
  const hasChoices = task.choice !== undefined
  const fields = { processors, columns: new Set(Object.keys(row)), hasChoices }
  return {
    ...fields,
    choicesAreQuestions: hasChoices && typeof textOf(task.text, row, fields) === 'number',
    hasSeveralTargets: Array.isArray(targetOf(task.target, row, fields)),
  }
}
