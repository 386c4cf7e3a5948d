export { collectGrams, type CollectGramsOptions } from './collect-grams.ts'
export { collect, type Completion } from './completion.ts'
export { contentId } from './content-id.ts'
export { createDecoder, type CreateDecoderOptions, type StepThreadsOptions } from './decoder/create-decoder.ts'
export type { Asked, Chunk, Decoder } from './decoder/decoder.ts'
export type { KvScales, LayerScales } from './decoder/kv-cache.ts'
export { measureKvScales, type MeasureKvScalesOptions } from './decoder/kv-scales.ts'
export { exportOnnxModel, type ExportOnnxOptions } from './export-onnx-model.ts'
export type { FinishReason, GenerateOptions, Generation, Piece, TableOptions } from './generation.ts'
export { languageModelOver, toLanguageModel } from './language-model.ts'
export { loadRemoteModel, type LoadRemoteModelOptions } from './load-remote-model.ts'
export {
  createModel,
  KV_CACHE_TYPES,
  type Bfloat16Table,
  type CreateModelOptions,
  type DecoderParts,
  type KvCacheType,
  type Model,
  type ModelWeight,
  type RunOptions,
  type ServingOptions,
} from './model.ts'
export { keepOverlays, type KeptOverlays } from './rows/kept-overlays.ts'
export { overlayRows, type OverlayRows, type OverlayRowsOptions } from './rows/overlay-rows.ts'
export type { OpenOverlay } from './rows/request-rows.ts'
export { nameOfRows, type RowKeys, type RowSource } from './rows/row-source.ts'
export { createRandom } from './sampling/random.ts'
export {
  candidates,
  penalizeRepetition,
  pick,
  type Candidates,
  type Sampling,
  type SamplingOptions,
} from './sampling/sampler.ts'
export { argmax, logProbability } from './sampling/softmax.ts'
export type { ChooserOptions, TokenLogprob } from './sampling/token-chooser.ts'
export type { ScoreOptions, Scores } from './scoring.ts'
export { openTableRows, sourceRows, type TableRows } from './table-rows.ts'
export { createTextStream, type TextStream } from './text-stream.ts'
export type { ModelStats, StoreUse, Usage } from './usage.ts'
