import { floatRepr, pythonStr } from '../python/repr.ts'
import type { Sample } from '../run/score-task.ts'
import { sha256 } from './sha256.ts'

/** A sample as lm-evaluation-harness keeps it; the values of its metrics are further fields, by their names. */
export interface SampleRecord {
  readonly doc_id: number
  readonly doc: Readonly<Record<string, unknown>>
  readonly target: unknown
  readonly arguments: unknown
  readonly resps: unknown
  readonly filtered_resps: unknown
  readonly filter: string
  /** Names of the metrics. */
  readonly metrics: readonly string[]
  /** SHA-256 of the row as JSON. */
  readonly doc_hash: string
  /** SHA-256 of the first argument of the first request. */
  readonly prompt_hash: string
  /** SHA-256 of the target as Python prints it. */
  readonly target_hash: string
  readonly [metric: string]: unknown
}

export async function sampleRecord(sample: Sample): Promise<SampleRecord> {
  return {
    doc_id: sample.docId,
    doc: sample.row,
    target: sample.target,
    arguments: sample.arguments,
    resps: sample.responses,
    filtered_resps: sample.filteredResponses,
    filter: sample.filter,
    metrics: Object.keys(sample.metrics),
    ...(await sampleHashes(sample)),
    ...sample.metrics,
  }
}

export async function sampleHashes({ row, target, arguments: args }: Sample) {
  return {
    doc_hash: await sha256(JSON.stringify(row, null, 2)),
    prompt_hash: await sha256(String(args[0]?.[0])),
    target_hash: await sha256(pythonStr(target)),
  }
}

/** A sample as a line of `samples_TASK_DATE.jsonl`: answers and target as text, arguments by name. */
export function sampleOnDisk(record: SampleRecord): SampleRecord {
  const args = record.arguments as readonly (readonly unknown[])[]
  const named = args.map((values, i) => [
    `gen_args_${i}`,
    Object.fromEntries(values.map((value, j) => [`arg_${j}`, value])),
  ])
  return {
    ...record,
    target: pythonStr(record.target),
    arguments: Object.fromEntries(named),
    resps: asText(record.resps),
    filtered_resps: asText(record.filtered_resps),
  }
}

/** Numbers in answers are log-probabilities, which are floats. */
function asText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asText)
  return typeof value === 'number' ? floatRepr(value) : pythonStr(value)
}

/** One hash for all samples of a task: it is the same where documents, prompts and targets are. */
export const taskHash = (records: readonly SampleRecord[]): Promise<string> =>
  sha256(records.map(({ doc_hash, prompt_hash, target_hash }) => doc_hash + prompt_hash + target_hash).join(''))
