import { createHash } from 'node:crypto'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { serializeModelConfig } from '@stemkit/weights'
import type { RowSnapshot } from '../trainer.ts'

/** Version of the folder's layout; readers refuse any other. */
export const CHECKPOINT_FORMAT = 1

/** `state.json`, written last: what is beside the arrays, and the size of every other file. */
export interface StateFile {
  readonly format: number
  readonly steps: number
  readonly tokens: number
  readonly seconds: number
  /** SHA-256 of `config.json`'s values. */
  readonly configHash: string
  /** Bytes of each file, so that a folder copied in part is told from a whole one. */
  readonly files: Readonly<Record<string, number>>
  /** Which version of which stored tables, where tables are in a store. */
  readonly rows?: RowSnapshot
  readonly loader: unknown
  readonly rng?: unknown
}

/** Prefixes of the names of `moments` and `squares` in `optimizer.safetensors`. */
export const FIRST = 'first.'
export const SECOND = 'second.'

/** A folder being written or deleted ends in this, and is no checkpoint. */
export const PARTIAL = '.partial'

export const checkpointName = (steps: number): string => `step-${String(steps).padStart(8, '0')}`

/** Steps of a checkpoint folder's name; undefined for any other name. */
export function checkpointSteps(name: string): number | undefined {
  const digits = /^step-(\d{8,})$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The same for equal values, in whatever order their keys are. */
export function hashConfig(config: ModelConfig): string {
  const entries = Object.entries(serializeModelConfig(config)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex')
}
