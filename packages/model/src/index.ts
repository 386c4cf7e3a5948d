export { countBytes, countTrainingBytes, NUMBER_DTYPES } from './bytes.ts'
export type { ByteCounts, NumberDtype, TrainingBytes, TrainingBytesOptions } from './bytes.ts'
export { checkBatch, type BatchArrays } from './check-batch.ts'
export { compareCosts, type CompareOptions, type CostComparison, type KindCosts } from './compare-costs.ts'
export { checkModelConfig, createModelConfig, ffnWidth, type ModelOptions } from './config.ts'
export { countFlops, countParameters, type FlopCounts, type ParameterCounts } from './counts.ts'
export { hashExpert, tokenExperts } from './expert-hash.ts'
export {
  buildFeedForwards,
  FEED_FORWARDS,
  feedForwardDefinition,
  type CustomFeedForwards,
  type FeedForward,
  type FeedForwardContext,
  type FeedForwardDefinition,
  type FeedForwardInputs,
} from './feed-forward.ts'
export {
  initializeWeights,
  tableRowInitializer,
  type InitOptions,
  TABLE_INITS,
  type NamedArray,
  type TableInit,
} from './initialize.ts'
export { listWeights } from './list-weights.ts'
export { meanLossWeights, nextTokenLoss, perTokenLoss, type LossInputs } from './loss.ts'
export { stemPlacement, type Placement } from './placement.ts'
export { presets } from './presets.ts'
export {
  logits,
  transformer,
  type Attend,
  type SequenceInputs,
  type TransformerInputs,
  type TransformerOutput,
} from './transformer.ts'
export type { WeightSpec, Weights } from './weights.ts'
export type { FeedForwardKind, ModelConfig } from '@stemkit/spec/model-config'
