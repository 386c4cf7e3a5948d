import type { EvalAnswer } from '../ask/requests.ts'
import { sampleRecord, taskHash, type SampleRecord } from '../results/sample-record.ts'
import { assembleResults, type EvalResults } from '../results/results.ts'
import { resultTable } from '../results/result-table.ts'
import { taskConfig } from '../results/task-config.ts'
import { taskResult, type TaskResult } from '../results/task-result.ts'
import type { RunPlan } from './plan-run.ts'
import type { TaskPlan } from './plan-task.ts'
import { scoreTask, type DocumentAnswers } from './score-task.ts'

/** A run with its scores. */
export interface EvalRun {
  readonly results: EvalResults
  /** The tasks as they were run, in the field names of their definitions. */
  readonly configs: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Every document under every filter, by task. */
  readonly samples: Readonly<Record<string, readonly SampleRecord[]>>
  /** By task: the same where documents, prompts and targets are. */
  readonly taskHashes: Readonly<Record<string, string>>
  /** The familiar table; ends with a newline. */
  readonly table: string
  /** The table of groups, where one has a score. */
  readonly groupTable?: string
}

const DEFAULT_ROUNDS = 100_000

/**
 * Scores a run. The same plan and answers always give the same scores.
 * @param answers in the order of `plan.requests`
 */
export async function scoreRun(
  plan: RunPlan,
  answers: readonly EvalAnswer[],
  { bootstrapRounds = DEFAULT_ROUNDS }: { readonly bootstrapRounds?: number } = {},
): Promise<EvalRun> {
  const results: Record<string, TaskResult> = {}
  const samples: Record<string, SampleRecord[]> = {}
  const taskHashes: Record<string, string> = {}
  let at = 0
  for (const task of plan.tasks) {
    const { name } = task.task
    const { grouped, end } = groupAnswers(task, answers, at)
    at = end
    const scored = scoreTask(task, grouped)
    results[name] = taskResult(task, scored, bootstrapRounds)
    const records = await Promise.all(scored.map(sampleRecord))
    samples[name] = records
    taskHashes[name] = await taskHash(records)
  }
  const assembled = assembleResults(results, plan.groups)
  return {
    results: assembled,
    configs: Object.fromEntries(plan.tasks.map(({ task }) => [task.name, taskConfig(task)])),
    samples,
    taskHashes,
    table: resultTable(assembled),
    ...(assembled.groups && { groupTable: resultTable(assembled, 'groups') }),
  }
}

/** The answers of a task by document, request and repeat. */
function groupAnswers({ task, documents }: TaskPlan, answers: readonly EvalAnswer[], start: number) {
  let at = start
  const grouped: DocumentAnswers[] = documents.map(({ requests }) =>
    requests.map(() => {
      at += task.repeats
      return answers.slice(at - task.repeats, at)
    }),
  )
  return { grouped, end: at }
}
