import { createModelConfig, initializeWeights, type ModelConfig, type NamedArray } from '@stemkit/model'

/** A small STEM model of random weights, with a head of some more rows than the byte-level tokenizer has tokens. */
export function tinyModel(): { config: ModelConfig; weights: Map<string, NamedArray> } {
  const config = createModelConfig({
    vocabSize: 272,
    dim: 16,
    layers: 3,
    heads: 2,
    ffnHidden: 24,
    maxLength: 48,
    kind: 'stem',
  })
  return { config, weights: initializeWeights(config, { seed: 5, tableInit: 'unit' }) }
}
