import { StemkitError } from '@stemkit/spec/errors'
import { valuesEqual } from '../prompts/template-values.ts'
import { checkDefinition } from '../tasks/check-definition.ts'
import type { TaskRegistry } from '../tasks/task-registry.ts'
import { resolveTask, type Task } from '../tasks/task.ts'
import type { TaskDefinition } from '../tasks/task-definition.ts'
import type { RecordedConfig, RecordedRun } from './record.ts'

const CODE = '(python function)'

export interface RecordedDefinition {
  readonly task: Task
  /** Fields in which our own task of that name, under the options of the run, differs; undefined where there is none. */
  readonly differs?: readonly string[]
}

/**
 * What records leave out: the formats of shots that differ from those of documents. This is the one made-up task that has them.
 */
const unrecorded: Readonly<Record<string, TaskDefinition['fewshot_config']>> = {
  self_pool_test_split: {
    doc_to_text: 'Shot {{cat}}: {{q}}',
    doc_to_target: '<{{ans}}>',
    target_delimiter: ' -> ',
    fewshot_delimiter: '\n',
  },
}

/**
 * The task that a record is about: our own where it is the same under the options of the run, else as the record has it. Code is
 * always our own task's of that name.
 */
export function recordedTask(
  name: string,
  config: RecordedConfig,
  run: RecordedRun,
  registry: TaskRegistry,
): RecordedDefinition {
  const own = registry.names.includes(name) ? registry.load([name]).tasks.get(name) : undefined
  const recorded = resolveTask(definitionOf(name, config, own))
  if (!own) return { task: recorded }
  const task = resolveTask(own, {
    ...(run.num_fewshot !== null && { numFewshot: run.num_fewshot }),
    ...(run.gen_kwargs && { genKwargs: run.gen_kwargs }),
  })
  const differs = compared.filter((field) => !valuesEqual(plain(task[field]), plain(recorded[field])))
  return { task: differs.length === 0 ? task : recorded, differs }
}

const compared = [
  'outputType',
  'numFewshot',
  'text',
  'target',
  'choice',
  'genPrefix',
  'description',
  'targetDelimiter',
  'fewshotDelimiter',
  'metrics',
  'filters',
  'repeats',
  'generationArguments',
  'version',
] as const satisfies readonly (keyof Task)[]

const plain = (value: unknown): unknown => (value === undefined ? null : value)

function definitionOf(name: string, config: RecordedConfig, own: TaskDefinition | undefined): TaskDefinition {
  const { fewshot_sampler: sampler, fewshot_config: shots, process_docs, process_results, ...fields } = config
  const ownField = (field: keyof TaskDefinition): unknown => {
    if (own?.[field] !== undefined) return own[field]
    throw new StemkitError('unsupported', `${name}: its ${field} is code, and no task of that name is known here`)
  }
  const coded = Object.entries(fields).map(([field, value]) => [
    field,
    value === CODE ? ownField(field as keyof TaskDefinition) : field === 'metric_list' ? metricsOf(value, own) : value,
  ])
  const definition = {
    ...Object.fromEntries(coded),
    task: name,
    task_alias: config['task_alias'] ?? own?.task_alias ?? name,
    fewshot_config: { ...(own?.fewshot_config ?? unrecorded[name]), ...(shots as object | undefined), sampler },
    ...(process_docs === true && { process_docs: ownField('process_docs') }),
    ...(process_results === true && { process_results: ownField('process_results') }),
  }
  return checkDefinition(definition, `configs.${name}`) as TaskDefinition
}

/** The metrics of a record, code replaced by that of our own task. */
function metricsOf(list: unknown, own: TaskDefinition | undefined): unknown {
  return (list as { metric: string; aggregation?: string }[]).map((entry) => {
    if (entry.aggregation !== CODE) return entry
    const known = own?.metric_list?.find(({ metric }) => metric === entry.metric)
    return { ...entry, aggregation: known?.aggregation ?? CODE }
  })
}
