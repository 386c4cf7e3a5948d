import type { Batch } from '@stemkit/data'
import { StemkitError } from '@stemkit/spec/errors'
import type { Trainer } from './trainer.ts'

export interface Evaluation {
  /** Mean loss over all counted positions, in nats. */
  readonly loss: number
  /** Number of counted positions. */
  readonly counted: number
}

/**
 * Mean loss over held-out batches: every counted position weighs the same, whatever the batch it is in.
 * Throws `bad-input` if no position counts, `diverged` if the loss is not finite, the reason of `signal` if aborted.
 */
export async function evaluate(
  trainer: Pick<Trainer, 'evaluate' | 'steps'>,
  batches: Iterable<Batch> | AsyncIterable<Batch>,
  options: { readonly signal?: AbortSignal | undefined; readonly onProgress?: (batchesDone: number) => void } = {},
): Promise<Evaluation> {
  const { signal, onProgress } = options
  let sum = 0
  let counted = 0
  let done = 0
  for await (const batch of batches) {
    signal?.throwIfAborted()
    const result = await trainer.evaluate(batch, signal ? { signal } : {})
    // A batch that is all mask has no mean, so its loss may be anything.
    if (result.counted > 0) sum += result.loss * result.counted
    counted += result.counted
    onProgress?.(++done)
  }
  if (counted === 0) {
    throw new StemkitError(
      'bad-input',
      `evaluation: no position counts in ${done} held-out batches; give batches with a loss mask of 1 somewhere, as an array or another iterable that starts over`,
    )
  }
  const loss = sum / counted
  if (!Number.isFinite(loss)) {
    throw new StemkitError('diverged', `after ${trainer.steps} steps: the held-out loss is ${loss}`)
  }
  return { loss, counted }
}
