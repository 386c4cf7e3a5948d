import type { ModelOptions } from './config.ts'

type Preset = Omit<ModelOptions, 'vocabSize'> & Partial<Pick<ModelOptions, 'vocabSize'>>

/**
 * Shapes to start from: `createModelConfig({ ...presets.small, vocabSize: 8192 })`.
 *
 * The paper gives no shapes for its two models. These are inferred: the backbones MobileLLM-350M and Llama 3.2 1B with a
 * head of their own (`tie_word_embeddings` off) have the parameter counts that were published: 0.376B in all and 0.300B active with STEM in
 * all layers but the first (published: 0.37B, 0.30B), 1.498B in all and 1.414B active with a third (1.50B, 1.41B).
 */
export const presets = {
  /** A model to try things with: trains in a minute on a laptop. */
  tiny: { dim: 128, layers: 4, heads: 4, ffnMultipleOf: 64, maxLength: 256, kind: 'stem', placement: 'full' },
  /** Trains in minutes on two cores. */
  small: { dim: 256, layers: 6, heads: 4, ffnMultipleOf: 64, maxLength: 256, kind: 'stem', placement: 'full' },
  /** The largest that two cores train within hours. */
  medium: { dim: 512, layers: 6, heads: 8, ffnMultipleOf: 64, maxLength: 256, kind: 'stem', placement: 'full' },
  /** The paper's small model; its best placement was `half`. */
  'paper-350m': {
    dim: 960,
    layers: 32,
    heads: 15,
    kvHeads: 5,
    vocabSize: 32_000,
    maxLength: 2048,
    kind: 'stem',
    placement: 'half',
  },
  /** The paper's large model, with a third of the layers replaced. */
  'paper-1b': {
    dim: 2048,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    ffnDimMultiplier: 1.5,
    vocabSize: 128_256,
    maxLength: 4096,
    kind: 'stem',
    placement: 'third',
  },
} as const satisfies Record<string, Preset>
