import type { InputSpec, TensorFunction } from '@stemkit/compile'
import {
  buildFeedForwards,
  listWeights,
  logits,
  transformer,
  type CustomFeedForwards,
  type ModelConfig,
  type Weights,
} from '@stemkit/model'
import { cast, gatherRows, greater, MASKED, mul, reshape } from '@stemkit/tensor'
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@stemkit/tensor'

export interface ForwardOptions {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
}

const positionsInput: InputSpec = { dtype: 'int32', shape: ['T'] }
const askedInput: InputSpec = { dtype: 'int32', shape: ['R'] }

/**
 * The inputs of the graphs below, which serve sequences of every length: `ids`, `positions` (0, 1, ... T - 1), `inverse` and
 * `tokenExperts` [T], `at` [R], the positions whose result is wanted, and every weight by name; of a table its rows [U, w].
 */
export function forwardInputs({ config, custom }: ForwardOptions): Record<string, InputSpec> {
  const inputs: Record<string, InputSpec> = {
    ids: positionsInput,
    positions: positionsInput,
    inverse: positionsInput,
    tokenExperts: positionsInput,
    at: askedInput,
  }
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    inputs[name] = { dtype: 'float32', shape: role === 'table' ? ['U', shape[1]!] : shape }
  }
  return inputs
}

/** `logits` [R, V]: what may follow each of the positions `at`. */
export function logitsGraph(options: ForwardOptions): TensorFunction {
  return (inputs) => ({ logits: logitsAt(options, inputs) })
}

/** Picks the wanted positions before the head, which would else be the widest product of the pass. */
function logitsAt({ config, custom }: ForwardOptions, inputs: Record<string, Tensor>): Tensor2D {
  const weights = inputs as Weights
  const sequence = (name: string): Tensor2D => reshape(inputs[name]!, [1, -1])
  const feedForwards = buildFeedForwards(config, weights, {
    inverse: inputs['inverse'] as Tensor1D,
    tokenExperts: inputs['tokenExperts'] as Tensor1D,
    ...(custom ? { custom } : {}),
  })
  const positions = sequence('positions')
  const { hidden } = transformer(
    config,
    weights,
    { ids: sequence('ids'), positions, mask: causalMaskOf(positions) },
    feedForwards,
  )
  return logits(weights, gatherRows(hidden, inputs['at'] as Tensor1D))
}

/** `causalMask` from positions [1, T] at run time, so that T need not be known when a graph is recorded. */
export function causalMaskOf(positions: Tensor2D): Tensor4D {
  const later = greater(reshape(positions, [1, 1, 1, -1]), reshape(positions, [1, 1, -1, 1]))
  return mul(cast(later, 'float32'), MASKED)
}
