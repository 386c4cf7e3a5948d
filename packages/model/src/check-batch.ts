import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'

/** B sequences of T tokens, flattened row by row to [B * T]. */
export interface BatchArrays {
  /** B. */
  readonly size: number
  /** T. */
  readonly length: number
  readonly inputIds: ArrayLike<number>
  readonly targets?: ArrayLike<number>
  readonly positionIds?: ArrayLike<number>
  readonly documentIds?: ArrayLike<number>
  readonly lossMask?: ArrayLike<number>
}

/**
 * Refuses what no tensor op would notice: ids out of range, sequences that are too long, arrays that do not fit.
 * @throws bad-input naming the value and where it stands
 */
export function checkBatch(config: ModelConfig, batch: BatchArrays): void {
  const { size, length } = batch
  if (length > config.maxLength) {
    throw new StemkitError(
      'bad-input',
      `batch: sequences of ${length} tokens; the model takes at most ${config.maxLength}`,
    )
  }
  for (const name of ['inputIds', 'targets', 'positionIds', 'documentIds', 'lossMask'] as const) {
    const found = batch[name]?.length ?? size * length
    if (found !== size * length) {
      throw new StemkitError('bad-input', `batch: ${name} has ${found} entries for ${size} sequences of ${length}`)
    }
  }
  checkRange('inputIds', batch.inputIds, config.vocabSize, 'vocabSize', length)
  checkRange('targets', batch.targets, config.vocabSize, 'vocabSize', length)
  checkRange('positionIds', batch.positionIds, config.maxLength, 'maxLength', length)
}

function checkRange(
  name: string,
  values: ArrayLike<number> = [],
  limit: number,
  limitName: string,
  length: number,
): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (Number.isInteger(value) && value >= 0 && value < limit) continue
    const where = `sequence ${Math.floor(i / length)}, position ${i % length}`
    throw new StemkitError(
      'bad-input',
      `batch: ${name} has ${value} at ${where}; it must be in 0..${limit - 1} (${limitName})`,
    )
  }
}
