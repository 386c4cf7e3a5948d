import type { Engine, FrozenWeights } from '@stemkit/compile'
import type { CustomFeedForwards, ModelConfig, NamedArray } from '@stemkit/model'
import { feedsOf, packSequences, type FitBatches, type FitSequence } from './fit-batches.ts'
import { logProbabilityGraph, logProbabilityInputs, type FitShape } from './fit-graph.ts'
import type { RowBlock } from './row-block.ts'

/** A model whose rows are fitted: all weights but the tables, as float32. */
export interface FitModel {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly custom?: CustomFeedForwards | undefined
}

/** What is needed to compute with the rows of a block. */
export interface Reading {
  readonly model: FitModel
  readonly engine: Engine
  readonly block: RowBlock
  readonly signal?: AbortSignal | undefined
}

export const frozenOf = ({ weights }: FitModel): FrozenWeights => Object.fromEntries(weights)

export const shapeOf = (
  { config, custom }: FitModel,
  { size, length, asked }: FitBatches,
  fitted: readonly string[] = [],
): FitShape => ({ config, custom, size, length, asked, fitted })

/** Most numbers of a batch's probabilities: 64 MiB. */
const MOST = 2 ** 24
const SEQUENCES = 16

/** Batches small enough for a number for each token of the vocabulary at each asked position. */
export function neutralBatches({ config }: FitModel, sequences: readonly FitSequence[]): FitBatches {
  const most = Math.max(1, ...sequences.map(({ at }) => at.length)) * config.vocabSize
  return packSequences(sequences, config, Math.min(SEQUENCES, Math.max(1, Math.floor(MOST / most))))
}

/** ln of the probabilities that the rows in the block give, for each batch [R, V]. */
export async function logProbabilitiesOf(
  { model, engine, block, signal }: Reading,
  batches: FitBatches,
): Promise<Float32Array[]> {
  const shape = shapeOf(model, batches)
  const program = await engine.load(logProbabilityGraph(shape), logProbabilityInputs(shape), {
    frozen: frozenOf(model),
  })
  try {
    const all: Float32Array[] = []
    for (const batch of batches.batches) {
      const { logProbabilities } = await program.run(feedsOf(batch, block), signal ? { signal } : {})
      all.push(logProbabilities as Float32Array)
    }
    return all
  } finally {
    await program.dispose()
  }
}
