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

/** What is the same for all documents of a split. */
export interface SplitShape {
  /** Document 0, after `process_docs`. */
  readonly first: Row
  /** Those that any row has. */
  readonly columns: ReadonlySet<string>
}

/** The rows that a task is about in a run. */
export interface TaskDocuments {
  readonly documents: readonly TaskDocument[]
  /** How many rows the evaluated split has. */
  readonly splitSize: number
  /** What the whole split says about every document, whichever are evaluated. Absent: as the evaluated ones have it. */
  readonly split?: SplitShape
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
export function planTask(task: Task, selected: TaskDocuments, options: PlanOptions): TaskPlan {
  const { documents, splitSize, pool } = selected
  const [evaluated] = documents
  if (!evaluated) throw new StemkitError('bad-input', `${task.name}: there are no documents to evaluate`)
  const split = selected.split ?? { first: evaluated.row, columns: columnsOf(documents.map(({ row }) => row)) }
  const context = contextOf(task, split, options.processors)
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

/** The columns that any of the rows has. */
export const columnsOf = (rows: readonly Row[]): ReadonlySet<string> => new Set(rows.flatMap((row) => Object.keys(row)))

/** Whether choices are questions, and whether there are several right answers, is as in document 0 of the split. */
function contextOf(task: Task, { first, columns }: SplitShape, processors: Processors): ScoreContext {
  const hasChoices = task.choice !== undefined
  const fields = { processors, columns, hasChoices }
  return {
    ...fields,
    choicesAreQuestions: hasChoices && typeof textOf(task.text, first, fields) === 'number',
    hasSeveralTargets: Array.isArray(targetOf(task.target, first, fields)),
  }
}
