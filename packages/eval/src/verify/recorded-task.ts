import { valuesEqual } from '../prompts/template-values.ts'
import type { TaskRegistry } from '../tasks/task-registry.ts'
import { resolveTask, type ShotFormat, type Task } from '../tasks/task.ts'
import type { RecordedConfig, RecordedRun } from './record.ts'
import { recordedDefinition } from './recorded-definition.ts'

export interface RecordedDefinition {
  readonly task: Task
  /** Fields in which our own task of that name, under the options of the run, differs; undefined where there is none. */
  readonly differs?: readonly string[]
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
  const recorded = resolveTask(recordedDefinition(name, config, own))
  if (!own) return { task: recorded }
  const numFewshot = run.num_fewshot ?? undefined
  const task = resolveTask(own, {
    ...(numFewshot !== undefined && { numFewshot }),
    ...(run.gen_kwargs && { genKwargs: run.gen_kwargs }),
  })
  const differs = differingFields(task, recorded)
  return { task: differs.length === 0 ? task : recorded, differs }
}

const taskFields = [
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

const shotFields = [
  'sampler',
  'split',
  'text',
  'target',
  'choice',
  'genPrefix',
  'targetDelimiter',
  'fewshotDelimiter',
] as const satisfies readonly (keyof ShotFormat)[]

/** What decides prompts, draws and scores. A format of shots that is as in documents is named once. */
function differingFields(own: Task, recorded: Task): string[] {
  const ofTask: readonly string[] = taskFields.filter((field) => !areEqual(own[field], recorded[field]))
  const ofShots = shotFields.filter(
    (field) => !ofTask.includes(field) && !areEqual(own.shots[field], recorded.shots[field]),
  )
  const isSameSplit = own.definition.test_split === recorded.definition.test_split
  return [...ofTask, ...ofShots.map((field) => `shots.${field}`), ...(isSameSplit ? [] : ['test_split'])]
}

const areEqual = (a: unknown, b: unknown) => valuesEqual(a ?? null, b ?? null)
