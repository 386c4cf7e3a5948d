import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { RowSnapshot, TrainerState } from './trainer.ts'

/** All that a run needs to go on as if it had never stopped. */
export interface RunState {
  readonly config: ModelConfig
  /** Weights, both moments, the number of steps taken. */
  readonly trainer: TrainerState
  /** The rows of tables that are in a store. */
  readonly rows?: RowSnapshot | undefined
  /** What the loader's `state()` gave after the last step. */
  readonly loader: unknown
  /** The same of the random generator that the run was given, if any. */
  readonly rng: unknown
  /** Tokens trained on so far. */
  readonly tokens: number
  /** Seconds spent in steps so far: no evaluations, no saving, no pauses. */
  readonly seconds: number
}

/** Where checkpoints go. `checkpointFolder` of `@stemkit/train/node` is one. */
export interface CheckpointWriter {
  /** Called once before the first step, with the number of steps already taken; throws `conflict` where saving would mix two runs. */
  prepare?(steps: number): Promise<void>
  /** Resolves once the state is safe. The arrays are live memory: nothing may hold on to them afterwards. */
  save(state: RunState): Promise<void>
  /** The versions of stored tables that saved states name; all others may go. */
  rowSnapshots?(): Promise<readonly RowSnapshot[]>
}

/**
 * Throws `diverged` if a weight or a moment is infinite or NaN, so that no bad state takes the place of a good one:
 * an update can break the weights although the loss before it was finite.
 */
export function requireFinite({ steps, weights, moments, squares }: TrainerState): void {
  for (const [kind, arrays] of Object.entries({ weight: weights, 'first moment': moments, 'second moment': squares })) {
    for (const [name, { data }] of arrays) {
      if (!allFinite(data)) {
        throw new StemkitError(
          'diverged',
          `step ${steps - 1}: the update left a ${kind} of ${name} infinite or NaN; the last saved checkpoint is untouched, lower the learning rate and resume from it`,
        )
      }
    }
  }
}

/** One pass without a branch: x - x is NaN exactly where x is not finite. */
function allFinite(data: Float32Array): boolean {
  let sum = 0
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!
    sum += x - x
  }
  return sum === 0
}
