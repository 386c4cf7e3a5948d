import type { Row } from '../tasks/rows.ts'

/** A run of lm-evaluation-harness with a known model, written down. */
export interface EvalRecord {
  readonly run: RecordedRun
  readonly configs: Readonly<Record<string, RecordedConfig>>
  /** Groups that are not of the harness, or all of them. */
  readonly group_configs?: Readonly<Record<string, RecordedGroup>> | null
  readonly tasks: Readonly<Record<string, RecordedTask>>
  readonly result: Readonly<Record<string, unknown>>
  readonly table: string
  readonly table_groups?: string
}

export interface RecordedRun {
  /** `fake` is the model of the formula; the answers of any other are in the samples. */
  readonly model: string
  readonly tasks: readonly string[]
  readonly num_fewshot: number | null
  readonly limit: number | null
  readonly samples: Readonly<Record<string, readonly number[]>> | null
  /** Default 1234. */
  readonly fewshot_random_seed?: number | null
  readonly bootstrap_iters: number
  readonly apply_chat_template?: boolean | null
  readonly fewshot_as_multiturn?: boolean | null
  readonly system_instruction?: string | null
  readonly gen_kwargs?: Readonly<Record<string, unknown>> | null
}

/** Fields of a task after loading; `(python function)` stands for code. */
export type RecordedConfig = Readonly<Record<string, unknown>>

export interface RecordedGroup {
  readonly alias: string | null
  readonly children: readonly string[]
  readonly aggregate_metric_list: readonly {
    readonly metric: string
    readonly weight_by_size: boolean
    readonly filter_list: readonly string[] | string | null
  }[]
  readonly version: string
}

export interface RecordedTask {
  readonly eval_split_size: number
  readonly docs: readonly { readonly doc_id: number; readonly row: Row }[]
  readonly fewshot?: RecordedShots | null
  readonly samples: readonly RecordedSample[]
}

export interface RecordedShots {
  readonly pool_size: number
  readonly sampler: string
  readonly pool_rows: readonly { readonly index: number; readonly row: Row }[]
  readonly draws: readonly {
    readonly doc_id: number
    readonly drawn: readonly number[] | null
    readonly used: readonly number[]
  }[]
}

export interface RecordedSample {
  readonly doc_id: number
  readonly filter: string
  readonly resps?: readonly (readonly unknown[])[]
  readonly processed_doc?: Row
  readonly [field: string]: unknown
}

const parts = ['run', 'configs', 'tasks', 'result'] as const

/** The parts of a run's record that a value lacks; undefined for other JSON, which has one of these names at most (results have `configs`). */
export function missingParts(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const missing = parts.filter((part) => !(part in value))
  return parts.length - missing.length < 2 ? undefined : missing
}

export const isEvalRecord = (value: unknown): value is EvalRecord => missingParts(value)?.length === 0
