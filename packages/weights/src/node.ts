export type { TensorReader } from './byte-file.ts'
export {
  openSafetensors,
  saveSafetensors,
  type Progress,
  type SaveOptions,
  type Tensors,
} from './node/safetensors-file.ts'
export { writeFileAtomically, type Chunks, type WriteOptions } from './node/stage-file.ts'
export { makeFolder } from './node/make-folder.ts'
export { openModelTensors } from './node/model-tensors.ts'
export { DEFAULT_SHARD_BYTES, type SaveModelOptions } from './node/save-model-files.ts'
export { readModelFolder, writeModelFolder, type ModelFolder, type ModelParts } from './node/model-folder.ts'
export { openForeignModel, type ForeignLayout, type ForeignModel, type ForeignOptions } from './node/foreign-model.ts'
export { exportModel, importModel, packModel, type ExportLayout, type PackModelOptions } from './node/convert.ts'
