import { StemkitError } from '@stemkit/spec/errors'

/** Learning rate of the optimiser step with this index, counted from 0. */
export type Schedule = (step: number) => number

export interface Decay {
  /** Highest learning rate, reached at step `warmup`. */
  readonly peak: number
  /** Steps of linear rise from 0, so that with any warm-up the first step has rate 0. Default: 0. */
  readonly warmup?: number
  /** Step at which the floor is reached; the rate stays there afterwards. */
  readonly steps: number
  /** Lowest rate as a share of the peak. Default: 0. */
  readonly floor?: number
}

/** The same rate at every step. */
export const constant = (rate: number): Schedule => {
  requireRate(rate)
  return () => rate
}

/** Linear warm-up from 0, then half a cosine from the peak to the floor. Throws `bad-input`. */
export const warmupCosine = (options: Decay): Schedule =>
  warmed(options, (progress) => 0.5 * (1 + Math.cos(Math.PI * progress)))

/** Linear warm-up from 0, then a straight line from the peak to the floor. Throws `bad-input`. */
export const linearDecay = (options: Decay): Schedule => warmed(options, (progress) => 1 - progress)

/** `shape` falls from 1 to 0 as the progress after the warm-up goes from 0 to 1. */
function warmed({ peak, warmup = 0, steps, floor = 0 }: Decay, shape: (progress: number) => number): Schedule {
  requireRate(peak)
  if (!(Number.isInteger(warmup) && warmup >= 0 && Number.isInteger(steps) && steps > warmup)) {
    throw new StemkitError(
      'bad-input',
      `schedule: warmup ${warmup} and steps ${steps} must be whole numbers with 0 <= warmup < steps`,
    )
  }
  if (!(floor >= 0 && floor <= 1)) {
    throw new StemkitError('bad-input', `schedule: floor ${floor} must be a share of the peak between 0 and 1`)
  }
  return (step) => {
    if (step < warmup) return peak * (step / warmup)
    const progress = Math.min(1, (step - warmup) / (steps - warmup))
    return peak * (floor + (1 - floor) * shape(progress))
  }
}

function requireRate(rate: number): void {
  if (!(Number.isFinite(rate) && rate >= 0)) {
    throw new StemkitError('bad-input', `schedule: learning rate ${rate} must be a finite number, 0 or more`)
  }
}
