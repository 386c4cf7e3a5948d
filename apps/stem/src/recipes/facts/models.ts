import { resolveRunConfig } from '../../config/load.ts'
import type { RunConfig } from '../../config/schema.ts'

const LAYERS = 4

/** Optimiser steps of each model. */
export const DEFAULT_STEPS = 2000

/** Which layers of a model are STEM, by the names that `--placement` takes. */
export const PLACEMENTS = {
  full: [1, 2, 3],
  all: [0, 1, 2, 3],
  'first-half': [0, 1],
  'second-half': [2, 3],
  'layer-0': [0],
  'layer-1': [1],
  'layer-2': [2],
  'layer-3': [3],
} as const satisfies Record<string, readonly number[]>

export type PlacementName = keyof typeof PLACEMENTS

export interface ModelChoice {
  /** STEM layers; none for the dense model. */
  readonly stemLayers: readonly number[]
  readonly seed: number
  readonly steps: number
  readonly threads?: number | undefined
  readonly text: { readonly train: string; readonly heldOut: string }
}

/** How the models of the recipe are trained: all alike but for their STEM layers. */
export function configOf({ stemLayers, seed, steps, threads, text }: ModelChoice): RunConfig {
  return resolveRunConfig(
    {
      seed,
      model: {
        dim: 128,
        layers: LAYERS,
        heads: 4,
        ffnHidden: 384,
        maxLength: 128,
        kind: stemLayers.length > 0 ? 'stem' : 'dense',
        ...(stemLayers.length > 0 && { placement: [...stemLayers] }),
        tableInit: 'embedding',
      },
      // So many that about half of the countries are one token and the others several.
      tokenizer: { vocabSize: 1440 },
      data: { train: text.train, heldOut: [text.heldOut] },
      training: { steps, batchSize: 16, learningRate: 1e-2, warmup: Math.min(100, Math.floor(steps / 4)), floor: 0.02 },
      evaluate: { every: 200, batches: 8 },
      checkpoint: { every: 400, keep: 1 },
      ...(threads !== undefined && { threads }),
    },
    [],
    'of the recipe facts',
  )
}
