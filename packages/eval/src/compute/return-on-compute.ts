import { StemkitError } from '@stemkit/spec/errors'
import { mean } from '../scores/aggregations.ts'

/** A trained model: how good it is, and what its training took. */
export interface TrainedRun {
  readonly name: string
  /** 0 to 1; a mean over tasks, say. */
  readonly accuracy: number
  /** Accuracy of guessing on the same tasks. Where it is given, returns are of what is above it. */
  readonly chance?: number
  /** Floating-point operations of the whole training; `metrics.jsonl` of a run has them in its last line. */
  readonly flops: number
}

export interface ComputeReturn extends TrainedRun {
  /** Accuracy, or what of it is above chance, per 10^18 floating-point operations. */
  readonly perExaflop: number
  /** `perExaflop` over that of the baseline: 1.33 is a third more for the same compute. Null where the baseline's is not above 0. */
  readonly relative: number | null
}

/**
 * Return on training compute: accuracy per floating-point operation of the training, and its ratio to a baseline's, which is how the
 * STEM paper (Sadhukhan et al. 2026) reports it: 1.08, 1.20 and 1.33 times a dense model's where a third, half and all layers are STEM.
 * With `chance`, guessing counts for nothing.
 * @param baseline name of the run that the others are set against; default the first
 */
export function returnOnCompute(runs: readonly TrainedRun[], baseline = runs[0]?.name): ComputeReturn[] {
  const gains = runs.map((run) => ({ ...run, perExaflop: gainOf(run) }))
  const base = gains.find(({ name }) => name === baseline)
  if (runs.length > 0 && !base) {
    const names = runs.map(({ name }) => name).join(', ')
    throw new StemkitError('not-found', `the baseline ${baseline} is not among the runs (${names})`)
  }
  return gains.map((run) => ({
    ...run,
    relative: base && base.perExaflop > 0 ? run.perExaflop / base.perExaflop : null,
  }))
}

function gainOf({ name, accuracy, chance = 0, flops }: TrainedRun): number {
  if (!(flops > 0 && Number.isFinite(flops))) {
    throw new StemkitError(
      'bad-input',
      `run ${name}: its training took ${flops} operations; a positive number is needed`,
    )
  }
  if (![accuracy, chance].every((share) => share >= 0 && share <= 1)) {
    throw new StemkitError('bad-input', `run ${name}: accuracy ${accuracy} and chance ${chance} must be from 0 to 1`)
  }
  return (accuracy - chance) / (flops / 1e18)
}

/** Accuracy of guessing where each document has so many choices. */
export const chanceAccuracy = (choices: readonly number[]): number => mean(choices.map((count) => 1 / count))
