import type { Batch } from '@stemkit/data'
import { repeatBatch } from './loader.ts'
import { train } from './loop.ts'
import type { TrainStep } from './metrics.ts'
import type { Schedule } from './schedule.ts'
import type { Trainer } from './trainer.ts'

export interface OverfitOptions {
  readonly trainer: Trainer
  readonly batch: Batch
  readonly schedule: Schedule
  /** At most so many steps. */
  readonly steps: number
  /** Loss to get below, in nats. Default: 0.1. */
  readonly threshold?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (step: TrainStep) => void
}

export interface OverfitResult {
  /** Whether the loss fell below the threshold. */
  readonly passed: boolean
  /** Loss of the first step. */
  readonly first: number
  /** Loss of the last step taken. */
  readonly last: number
  /** Steps taken. */
  readonly steps: number
}

/**
 * A self-check: any model that learns at all can learn one batch by heart. Stops at the first loss below the threshold.
 * Throws what `train` throws; the trainer's weights are spent afterwards.
 */
export async function overfitOneBatch(options: OverfitOptions): Promise<OverfitResult> {
  const { trainer, batch, schedule, steps, threshold = 0.1, signal, onProgress } = options
  let [first, last, taken] = [Number.NaN, Number.NaN, 0]
  const run = train({ trainer, loader: repeatBatch(batch), schedule, steps, signal })
  for await (const step of run) {
    if (taken++ === 0) first = step.loss
    last = step.loss
    onProgress?.(step)
    if (last < threshold) break
  }
  return { passed: last < threshold, first, last, steps: taken }
}
