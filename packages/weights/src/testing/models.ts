import type { ModelConfig } from '@stemkit/spec/model-config'
import type { Tensor, TensorInfo } from '../tensor.ts'
import { fromFloat32 } from '../values.ts'
import { weightShapes } from '../weight-shapes.ts'

/** A small config with grouped-query attention; every size differs from every other. */
export const smallConfig = (changes: Partial<ModelConfig> = {}): ModelConfig => ({
  dim: 16,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  ffnHidden: 24,
  vocabSize: 40,
  maxLength: 64,
  feedForwards: ['dense', 'dense', 'dense'],
  ropeTheta: 5000,
  normEps: 1e-6,
  crossDocumentMask: true,
  ...changes,
})

/** Different numbers in every place of every weight. */
export function numberedWeights(config: ModelConfig, dtype: 'F32' | 'F16' | 'BF16' = 'F32'): Map<string, Tensor> {
  let next = 0
  return new Map(
    Array.from(weightShapes(config), ([name, shape]) => {
      const length = shape.reduce((product, size) => product * size, 1)
      return [
        name,
        fromFloat32(
          Float32Array.from({ length }, () => Math.sin(next++)),
          shape,
          dtype,
        ),
      ]
    }),
  )
}

export const infosOf = (tensors: ReadonlyMap<string, Tensor>): Map<string, TensorInfo> =>
  new Map(Array.from(tensors, ([name, { dtype, shape }]) => [name, { dtype, shape }]))
