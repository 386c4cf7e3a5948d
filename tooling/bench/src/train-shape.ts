import { pcg32, type Batch } from '@stemkit/data'
import { countFlops, createModelConfig, type ModelConfig } from '@stemkit/model'

/** The step that the benchmark measures. */
export const BATCH = { size: 4, length: 256 } as const

const common = { layers: 6, dim: 512, heads: 8, ffnHidden: 1408, vocabSize: 8192, maxLength: BATCH.length }

/** STEM in all layers but the first, and its dense twin. */
export const SHAPES: Readonly<Record<'stem' | 'dense', ModelConfig>> = {
  stem: createModelConfig({ ...common, kind: 'stem', placement: 'full' }),
  dense: createModelConfig({ ...common, kind: 'dense' }),
}

/** FLOPs of forward and backward for one batch: 131.7e9 for STEM, 153.8e9 for dense. */
export function stepFlops(config: ModelConfig): number {
  return countFlops(config, { length: BATCH.length }).training * BATCH.size * BATCH.length
}

/**
 * Batches whose tokens are as unequal as words are: Zipf-Mandelbrot, p(rank) ~ 1 / (rank + 2.7), about 600 distinct
 * tokens in 1,024 of a vocabulary of 8,192. The same numbers for the same seed, one document a sequence, all counted.
 */
export function zipfBatches(count: number, seed: number, vocabSize = common.vocabSize): Batch[] {
  const cumulative = new Float64Array(vocabSize)
  let sum = 0
  for (let rank = 1; rank <= vocabSize; rank++) cumulative[rank - 1] = sum += 1 / (rank + 2.7)
  const random = pcg32(seed, 0)
  const draw = (): number => firstAbove(cumulative, (random() / 2 ** 32) * sum)

  const { size, length } = BATCH
  return Array.from({ length: count }, () => {
    const inputIds = new Int32Array(size * length)
    const targets = new Int32Array(size * length)
    for (let row = 0; row < size; row++) {
      const text = Int32Array.from({ length: length + 1 }, draw)
      inputIds.set(text.subarray(0, length), row * length)
      targets.set(text.subarray(1), row * length)
    }
    return {
      size,
      length,
      inputIds,
      targets,
      lossMask: new Float32Array(size * length).fill(1),
      documentIds: new Int32Array(size * length),
      positionIds: Int32Array.from({ length: size * length }, (_, i) => i % length),
    }
  })
}

/** Index of the first entry above `value` in ascending numbers. */
function firstAbove(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
