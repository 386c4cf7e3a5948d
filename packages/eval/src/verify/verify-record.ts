import { StemkitError } from '@stemkit/spec/errors'
import type { EvalAnswer, EvalRequest } from '../ask/requests.ts'
import type { ShotPool } from '../fewshot/shot-pool.ts'
import { sampleHashes } from '../results/sample-record.ts'
import { assembleResults } from '../results/results.ts'
import { resultTable } from '../results/result-table.ts'
import { taskResult, type TaskResult } from '../results/task-result.ts'
import { DEFAULT_SEED } from '../run/plan-run.ts'
import { planTask, type TaskPlan } from '../run/plan-task.ts'
import { scoreTask, type Sample } from '../run/score-task.ts'
import { selectDocuments } from '../run/select-documents.ts'
import type { Row } from '../tasks/rows.ts'
import type { TaskRegistry } from '../tasks/task-registry.ts'
import type { Task } from '../tasks/task.ts'
import { differences, type Mismatch } from './compare.ts'
import { failure } from './failure.ts'
import { formulaAnswer, formulaChat } from './formula-model.ts'
import type { EvalRecord, RecordedSample, RecordedTask } from './record.ts'
import { recordedGroups } from './recorded-group.ts'
import { recordedTask, type RecordedDefinition } from './recorded-task.ts'

export interface VerifiedTask {
  /** Of a task, or of a group that was asked for. */
  readonly name: string
  /** Shots; null for a group whose tasks have different numbers. */
  readonly fewshot: number | null
  readonly ok: boolean
  readonly mismatches: readonly Mismatch[]
  /** Fields in which the record's task is not our own of that name. */
  readonly differs?: readonly string[]
  /** No task of that name is defined here; the record's is verified. */
  readonly isForeign?: true
}

/**
 * Builds everything in a record anew from its rows and compares: requests, draws of shots, scores of every sample, totals, errors,
 * hashes and tables. What cannot be built of a task or of the totals is a mismatch; throws where `run`,
 * `tasks` or `result` are not of their kind.
 */
export async function verifyRecord(record: EvalRecord, registry: TaskRegistry): Promise<VerifiedTask[]> {
  const outcomes: VerifiedTask[] = []
  const results: Record<string, TaskResult> = {}
  for (const [name, recorded] of Object.entries(record.tasks)) {
    const { outcome, result } = await verifyTask(name, recorded, record, registry)
    outcomes.push(outcome)
    if (result) results[name] = result
  }
  const [asked = ''] = record.run.tasks
  const mismatches = await verifyTotals(record, results, registry).catch((error: unknown) => [failure('result', error)])
  const at = outcomes.findIndex(({ name }) => name === asked)
  const shots = (record.result['n-shot'] as Record<string, number> | undefined)?.[asked] ?? null
  const base = outcomes[at] ?? { name: asked, fewshot: shots, ok: true, mismatches: [] }
  const total = { ...base, ok: base.ok && mismatches.length === 0, mismatches: [...base.mismatches, ...mismatches] }
  return at < 0 ? [...outcomes, total] : outcomes.with(at, total)
}

async function verifyTask(
  name: string,
  recorded: RecordedTask,
  record: EvalRecord,
  registry: TaskRegistry,
): Promise<{ outcome: VerifiedTask; result?: TaskResult }> {
  let definition: RecordedDefinition | undefined
  const outcomeOf = (mismatches: readonly Mismatch[]): VerifiedTask => {
    const fewshot = definition?.task.numFewshot ?? record.run.num_fewshot ?? null
    const { differs } = definition ?? {}
    return {
      name,
      fewshot,
      ok: mismatches.length === 0,
      mismatches,
      ...(differs && differs.length > 0 && { differs }),
      ...(definition && !differs && { isForeign: true }),
    }
  }
  try {
    definition = recordedTask(name, record.configs[name] ?? {}, record.run, registry)
    const plan = planRecorded(definition.task, recorded, record, registry)
    const samples = scoreTask(plan, answersOf(plan, recorded, record.run.model === 'fake'))
    const mismatches = [
      ...(await compareDraws(plan, recorded)),
      ...(await compareSelection(name, recorded, record)),
      ...(await compareSamples(samples, recorded)),
    ]
    return { outcome: outcomeOf(mismatches), result: taskResult(plan, samples, record.run.bootstrap_iters) }
  } catch (error) {
    return { outcome: outcomeOf([failure('task', error)]) }
  }
}

function planRecorded(task: Task, recorded: RecordedTask, { run }: EvalRecord, registry: TaskRegistry): TaskPlan {
  const process = processRow(task.definition.process_docs, registry)
  const pool = recorded.fewshot ? recordedPool(task, recorded, registry) : undefined
  return planTask(
    task,
    {
      documents: recorded.docs.map(({ doc_id, row }) => ({ docId: doc_id, row: process(row) })),
      splitSize: recorded.eval_split_size,
      ...(pool && { pool }),
    },
    {
      processors: registry.processors,
      seed: run.fewshot_random_seed ?? DEFAULT_SEED,
      ...(typeof run.system_instruction === 'string' && { systemInstruction: run.system_instruction }),
      ...(run.apply_chat_template && { chat: { render: formulaChat, multiturn: run.fewshot_as_multiturn ?? true } }),
    },
  )
}

/** The rows that were drawn; another one was not written down. */
function recordedPool(task: Task, { fewshot }: RecordedTask, registry: TaskRegistry): ShotPool {
  const isBrought = task.shots.split === undefined && task.shots.samples !== undefined
  const process = isBrought ? (row: Row) => row : processRow(task.shots.processDocs, registry)
  const rows = new Map(fewshot?.pool_rows.map(({ index, row }) => [index, process(row)]))
  return {
    size: fewshot?.pool_size ?? 0,
    row(index) {
      const row = rows.get(index)
      if (!row) throw new StemkitError('corrupt', `row ${index} of the shots is drawn, and the record does not have it`)
      return row
    },
  }
}

function processRow(name: string | undefined, { processors }: TaskRegistry): (row: Row) => Row {
  const process = name === undefined ? undefined : processors.documents?.[name]
  if (name !== undefined && !process) throw new StemkitError('not-found', `no processor of documents is called ${name}`)
  return process ? (row) => process(row) ?? row : (row) => row
}

/** By the formula, or as they were recorded. */
function answersOf({ documents, task }: TaskPlan, { samples }: RecordedTask, isFormula: boolean): EvalAnswer[][][] {
  return documents.map(({ requests }, i) =>
    requests.map(({ request }, j) =>
      Array.from({ length: task.repeats }, (_, k) =>
        isFormula ? formulaAnswer(request) : recordedAnswer(request, samples[i]?.resps?.[j]?.[k]),
      ),
    ),
  )
}

function recordedAnswer({ kind }: EvalRequest, response: unknown): EvalAnswer {
  if (response === undefined) throw new StemkitError('corrupt', 'samples do not have the answer to every request')
  if (kind === 'generate_until') return { kind, text: String(response) }
  if (kind === 'loglikelihood_rolling') return { kind, logprob: Number(response) }
  const [logprob, greedy] = response as [number, boolean]
  return { kind, logprob, greedy }
}

async function compareDraws({ task, documents }: TaskPlan, { fewshot }: RecordedTask): Promise<Mismatch[]> {
  const draws = documents.map(({ docId, shots }) => ({ doc_id: docId, drawn: shots.drawn ?? null, used: shots.used }))
  const sampler = task.numFewshot > 0 ? task.shots.sampler : undefined
  return differences(
    'fewshot',
    { sampler: fewshot?.sampler, draws: fewshot?.draws },
    { sampler, draws: sampler && draws },
  )
}

async function compareSelection(name: string, recorded: RecordedTask, { run }: EvalRecord): Promise<Mismatch[]> {
  const selected = selectDocuments(name, recorded.eval_split_size, {
    ...(run.limit !== null && { limit: run.limit }),
    ...(run.samples?.[name] && { samples: run.samples[name] }),
  })
  return differences(
    'docs',
    recorded.docs.map(({ doc_id }) => doc_id),
    selected.map(({ docId }) => docId),
  )
}

async function compareSamples(samples: readonly Sample[], recorded: RecordedTask): Promise<Mismatch[]> {
  const rows = new Map(recorded.docs.map(({ doc_id, row }) => [doc_id, row]))
  const built = await Promise.all(
    samples.map(async (sample, i) => ({
      doc_id: sample.docId,
      filter: sample.filter,
      target: sample.target,
      arguments: sample.arguments,
      resps: sample.responses,
      filtered_resps: sample.filteredResponses,
      metrics: sample.metrics,
      ...(await sampleHashes(sample)),
      ...processedColumns(sample.row, rows.get(sample.docId), recorded.samples[i]),
    })),
  )
  return differences('samples', recorded.samples, built)
}

/** The columns that `process_docs` added, where the record has them. */
function processedColumns(row: Row, original: Row = {}, sample?: RecordedSample): { processed_doc?: Row } {
  if (!sample?.processed_doc) return {}
  return { processed_doc: Object.fromEntries(Object.entries(row).filter(([column]) => !(column in original))) }
}

async function verifyTotals(
  record: EvalRecord,
  tasks: Readonly<Record<string, TaskResult>>,
  registry: TaskRegistry,
): Promise<Mismatch[]> {
  const results = assembleResults(tasks, recordedGroups(record, registry))
  return [
    ...(await differences('result', record.result, results)),
    ...(await differences('table', record.table, resultTable(results))),
    ...(await differences('table_groups', record.table_groups, results.groups && resultTable(results, 'groups'))),
  ]
}
