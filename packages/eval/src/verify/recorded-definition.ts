import { StemkitError } from '@stemkit/spec/errors'
import { checkDefinition } from '../tasks/check-definition.ts'
import { fewshotConfig, taskDefinition, type TaskDefinition } from '../tasks/task-definition.ts'
import type { RecordedConfig } from './record.ts'
import { unrecordedShots } from './unrecorded-shots.ts'

/** Stands for code in records. */
const CODE = '(python function)'

const inert = new Set(['should_decontaminate', 'doc_to_decontamination_query'])
const fields = Object.keys(taskDefinition.shape).filter((field) => !inert.has(field))
const shotFields = Object.keys(fewshotConfig.shape)

/** The value of a field that the record has as code. */
type OwnField = (field: string) => unknown

/**
 * The definition of a recorded task. Code is that of our own task of that name; what has no effect on the run, or is not known here, is
 * left out, since the harness writes down fields that it does not use.
 */
export function recordedDefinition(
  name: string,
  config: RecordedConfig,
  own: TaskDefinition | undefined,
): TaskDefinition {
  const ownField: OwnField = (field) => {
    const value = own?.[field as keyof TaskDefinition]
    if (value !== undefined) return value
    throw new StemkitError('unsupported', `${name}: its ${field} is code, and no task of that name is known here`)
  }
  const definition = {
    ...known(config, fields, ownField),
    ...(config['metric_list'] != null && { metric_list: metricsOf(config['metric_list'], own) }),
    task: name,
    task_alias: config['task_alias'] ?? own?.task_alias ?? name,
    fewshot_config: shotsOf(name, config, own, ownField),
  }
  return checkDefinition(definition, `configs.${name}`) as TaskDefinition
}

function shotsOf(name: string, config: RecordedConfig, own: TaskDefinition | undefined, ownField: OwnField) {
  const { fewshot_config: recorded, fewshot_sampler: sampler, fewshot_split: split } = config
  const { split: ownSplit, ...base } = own?.fewshot_config ?? unrecordedShots(name) ?? {}
  const ownShotField: OwnField = (field) => own?.fewshot_config?.[field as keyof typeof base] ?? ownField(field)
  return {
    ...base,
    ...(split == null && ownSplit !== undefined && { split: ownSplit }),
    ...known((recorded ?? {}) as RecordedConfig, shotFields, ownShotField),
    ...(sampler != null && { sampler }),
  }
}

/** Fields that are known and say something; functions for rows and results are recorded as whether there is one. */
function known(config: RecordedConfig, names: readonly string[], ownField: OwnField): Record<string, unknown> {
  const entries = names.flatMap((field) => {
    const value = config[field]
    const isFlag = field === 'process_docs' || field === 'process_results'
    if (value == null || (isFlag && value === false)) return []
    if (value === CODE || (isFlag && value === true)) return [[field, ownField(field)]]
    // Generation arguments and rows are used as they are.
    return [[field, field === 'generation_kwargs' || field === 'samples' ? value : withoutNulls(value)]]
  })
  return Object.fromEntries(entries) as Record<string, unknown>
}

/** Null is how the harness writes what is not said. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const said = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(said.map(([key, field]) => [key, withoutNulls(field)]))
}

/** The metrics of a record, code replaced by that of our own task. */
function metricsOf(list: unknown, own: TaskDefinition | undefined): unknown {
  return (withoutNulls(list) as { metric: string; aggregation?: string }[]).map((entry) => {
    if (entry.aggregation !== CODE) return entry
    const ours = own?.metric_list?.find(({ metric }) => metric === entry.metric)
    return { ...entry, aggregation: ours?.aggregation ?? CODE }
  })
}
