import type { TaskDefinition } from '../tasks/task-definition.ts'
import data from './unrecorded-shots.json' with { type: 'json' }

interface UnrecordedShots {
  /** How the formats are known. */
  readonly source: string
  readonly fewshot_config: NonNullable<TaskDefinition['fewshot_config']>
}

const shots: Readonly<Record<string, UnrecordedShots>> = data

/** Formats of shots that the records of a made-up task leave out. */
export const unrecordedShots = (task: string): TaskDefinition['fewshot_config'] =>
  Object.hasOwn(shots, task) ? shots[task]?.fewshot_config : undefined
