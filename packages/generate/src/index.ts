export { collect, type Completion, type Usage } from './completion.ts'
export { contentId } from './content-id.ts'
export { exportOnnxModel, type ExportOnnxOptions } from './export-onnx-model.ts'
export type { FinishReason, GenerateOptions, Generation, Piece } from './generation.ts'
export { toLanguageModel } from './language-model.ts'
export {
  createModel,
  type CreateModelOptions,
  type Model,
  type RunOptions,
  type ScoreOptions,
  type Scores,
} from './model.ts'
export { createRandom } from './random.ts'
export {
  argmax,
  candidates,
  logProbability,
  penalizeRepetition,
  pick,
  type Candidates,
  type Sampling,
  type SamplingOptions,
} from './sampler.ts'
export { createTextStream, type TextStream } from './text-stream.ts'
