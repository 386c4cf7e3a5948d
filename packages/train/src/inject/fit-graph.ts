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
import { exp, gatherRows, linearCrossEntropy, logSoftmax, mul, reshape, sub, sum, valueAndGrads } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'
import { gradientName } from '../step-graph.ts'

/** What a graph that fits rows is made for. */
export interface FitShape {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
  /** B sequences of T tokens, of which R positions are asked for. */
  readonly size: number
  readonly length: number
  readonly asked: number
  /** Tables whose rows get gradients, by name. */
  readonly fitted: readonly string[]
}

/**
 * What all graphs below read: `ids`, `positions`, `inverse` and `tokenExperts` [B * T], `at` [R], and of each table its rows
 * [U, w]. All other weights are frozen.
 */
function commonInputs({ config, custom, size, length, asked }: FitShape): Record<string, InputSpec> {
  const tokens: InputSpec = { dtype: 'int32', shape: [size * length] }
  const inputs: Record<string, InputSpec> = {
    ids: tokens,
    positions: tokens,
    inverse: tokens,
    tokenExperts: tokens,
    at: { dtype: 'int32', shape: [asked] },
  }
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (role === 'table') inputs[name] = { dtype: 'float32', shape: ['U', shape[1]!] }
  }
  return inputs
}

const perAsked = (dtype: 'int32' | 'float32', { asked }: FitShape): InputSpec => ({ dtype, shape: [asked] })

/** And `targets` and `weights` [R]. */
export const targetInputs = (shape: FitShape): Record<string, InputSpec> => ({
  ...commonInputs(shape),
  targets: perAsked('int32', shape),
  weights: perAsked('float32', shape),
})

/** `value` [] = sum(weights * losses), losses in nats, and `grad.<table>` [U, w] of the fitted tables. */
export const targetGraph =
  (shape: FitShape): TensorFunction =>
  (inputs) =>
    withGradients(shape, inputs, (given) =>
      linearCrossEntropy(hiddenAt(shape, given), given['lm_head.weight'] as Tensor2D, given['targets'] as Tensor1D),
    )

/** And `base` [R, V], ln of the probabilities of the untouched model, and `weights` [R]. */
export const divergenceInputs = (shape: FitShape): Record<string, InputSpec> => ({
  ...commonInputs(shape),
  base: { dtype: 'float32', shape: [shape.asked, shape.config.vocabSize] },
  weights: perAsked('float32', shape),
})

/**
 * `value` [] = sum(weights * divergences) and `grad.<table>` [U, w]. A divergence is that of Kullback and Leibler from the
 * untouched model, sum over the vocabulary of p0 (ln p0 - ln p), in nats.
 */
export const divergenceGraph =
  (shape: FitShape): TensorFunction =>
  (inputs) =>
    withGradients(shape, inputs, (given) => {
      const base = given['base'] as Tensor2D
      return sum(mul(exp(base), sub(base, logProbabilities(shape, given))), 1) as Tensor1D
    })

export const logProbabilityInputs = commonInputs

/** `logProbabilities` [R, V], natural. */
export const logProbabilityGraph =
  (shape: FitShape): TensorFunction =>
  (inputs) => ({ logProbabilities: logProbabilities(shape, inputs) })

type Inputs = Record<string, Tensor>

function withGradients(shape: FitShape, inputs: Inputs, eachOf: (given: Inputs) => Tensor1D): Inputs {
  const names = shape.fitted
  const given = (rows: readonly Tensor[]): Inputs => ({
    ...inputs,
    ...Object.fromEntries(names.map((name, i) => [name, rows[i]!])),
  })
  const total = (...rows: Tensor[]): Scalar => sum(mul(inputs['weights']!, eachOf(given(rows))))
  const { value, grads } = valueAndGrads(total)(names.map((name) => inputs[name]!))
  return { value, ...Object.fromEntries(names.map((name, i) => [gradientName(name), grads[i]!])) }
}

const logProbabilities = (shape: FitShape, inputs: Inputs): Tensor2D =>
  logSoftmax(logits(inputs as Weights, hiddenAt(shape, inputs)))

/** [R, d] */
function hiddenAt({ config, custom, size, length }: FitShape, inputs: Inputs): Tensor2D {
  const weights = inputs as Weights
  const sequences = (name: string): Tensor2D => reshape(inputs[name]!, [size, length])
  const feedForwards = buildFeedForwards(config, weights, {
    inverse: inputs['inverse'] as Tensor1D,
    tokenExperts: inputs['tokenExperts'] as Tensor1D,
    ...(custom ? { custom } : {}),
  })
  const given = { ids: sequences('ids'), positions: sequences('positions') }
  const { hidden } = transformer(config, weights, given, feedForwards)
  return gatherRows(hidden, inputs['at'] as Tensor1D)
}
