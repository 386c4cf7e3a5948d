export { DTYPE_BYTES, isDtype, isFloat, type Dtype } from './dtype.ts'
export { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half.ts'
export {
  byteLength,
  elementCount,
  memorySource,
  readAll,
  type ReadOptions,
  type Tensor,
  type TensorInfo,
  type TensorSource,
} from './tensor.ts'
export { fromFloat32, fromTypedArray, toFloat32, toTypedArray, type TypedArrayOf } from './values.ts'
export { MAX_HEADER_BYTES, type ParseOptions } from './safetensors/header.ts'
export { parseSafetensors, type Safetensors } from './safetensors/parse.ts'
export { openModelFiles, type FileSource, type ModelFiles } from './model-files.ts'
export type { ByteFile } from './byte-file.ts'
export { serializeSafetensors } from './safetensors/serialize.ts'
export { DEFAULT_MAX_LENGTH, parseModelConfig, serializeModelConfig } from './model-config.ts'
export { checkWeights, weightShapes, type CheckOptions } from './weight-shapes.ts'
export { blockFor, packMatrix, unpackMatrix, type PackOptions } from './packed/pack-matrix.ts'
export { packForInputs } from './packed/pack-for-inputs.ts'
export { packTensors, type FloatType, type PackTensorsOptions, type WeightForm } from './packed/pack-tensors.ts'
export { findPacked, readPacked, type PackedInfo } from './packed/packed-tensors.ts'
export { mapTensors, reorderHeads, type Mapping, type Origin } from './mapping.ts'
export type { Exported, Imported } from './layouts/layout.ts'
export { exportHuggingFace, importHuggingFace } from './layouts/hugging-face.ts'
export { exportOfficial, importOfficial, type OfficialOptions } from './layouts/official.ts'
export { parseLlama2c } from './layouts/llama2c.ts'
export { llama2cTokenizerJson } from './layouts/llama2c-tokenizer.ts'
