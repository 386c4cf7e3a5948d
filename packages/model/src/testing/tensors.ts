import { tensor, tensor1d, tensor2d, type Tensor1D } from '@stemkit/tensor'
import { createRowPlan } from '@stemkit/store'
import { listWeights, tokenExperts, type ModelConfig, type NamedArray } from '../index.ts'
import type { BatchArrays, CustomFeedForwards, LossInputs, Weights } from '../index.ts'

const flat = (values: ArrayLike<number>): Tensor1D => tensor1d(Int32Array.from(values), 'int32')

/** A batch as the tensors that the model functions take, with the distinct ids whose table rows it needs. */
export function batchTensors(config: ModelConfig, batch: BatchArrays): { inputs: LossInputs; unique: Uint32Array } {
  const { size, length } = batch
  const ids = Int32Array.from(batch.inputIds)
  const zeros = new Int32Array(ids.length)
  const square = (values: ArrayLike<number>) => tensor2d(Int32Array.from(values), [size, length], 'int32')
  const { unique, inverse } = createRowPlan(ids, { rows: config.vocabSize })
  return {
    unique,
    inputs: {
      ids: square(ids),
      positions: square(batch.positionIds ?? ids.map((_, i) => i % length)),
      documents: square(batch.documentIds ?? zeros),
      targets: flat(batch.targets ?? zeros),
      inverse: flat(inverse),
      tokenExperts: flat(tokenExperts(config, ids)),
    },
  }
}

/** Weights as tensors; of tables only the rows `unique`. */
export function weightTensors(
  config: ModelConfig,
  arrays: ReadonlyMap<string, NamedArray>,
  unique: Uint32Array,
  custom?: CustomFeedForwards,
): Weights {
  return Object.fromEntries(
    [...listWeights(config, custom)].map(([name, { role }]) => {
      const { shape, data } = arrays.get(name)!
      if (role !== 'table') return [name, tensor(data, [...shape])]
      const width = shape[1]!
      const block = new Float32Array(unique.length * width)
      unique.forEach((id, u) => block.set(data.subarray(id * width, (id + 1) * width), u * width))
      return [name, tensor(block, [unique.length, width])]
    }),
  )
}
