import { StemkitError } from '@stemkit/spec/errors'
import type { Tensor } from '@stemkit/tensor'

/**
 * Tensors by name, in the layout of Llama models at Hugging Face, matrices [out, in]. The one exception are tables
 * (`model.layers.N.mlp.stem_table.weight`): of these a step sees only the rows of its batch, [U, w].
 */
export type Weights = Readonly<Record<string, Tensor>>

/** What there is to know about a weight before it exists. */
export interface WeightSpec {
  readonly shape: readonly number[]
  /** `matrix`: [out, in]. `gain`: of a norm, starts at 1. `table`: one row per token id, of which a batch uses some. */
  readonly role: 'matrix' | 'gain' | 'table'
  /** Standard deviation of a matrix's initial values. Default: in^-1/2. */
  readonly std?: number
  /** The share of positions that use a matrix; default 1. An expert's is 1 / experts. */
  readonly share?: number
}

/** @throws not-found, from the function returned, for a weight that is not there */
export function readWeights(weights: Weights): (name: string) => Tensor {
  return (name) => {
    const weight = weights[name]
    if (weight === undefined) throw new StemkitError('not-found', `the weights have no '${name}'`)
    return weight
  }
}
