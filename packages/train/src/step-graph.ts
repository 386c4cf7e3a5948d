import type { InputSpec, TensorFunction } from '@stemkit/compile'
import {
  buildFeedForwards,
  listWeights,
  logits,
  nextTokenLoss,
  perTokenLoss,
  transformer,
  type CustomFeedForwards,
  type LossInputs,
  type ModelConfig,
} from '@stemkit/model'
import { reshape, valueAndGrads, type Scalar, type Tensor, type Tensor1D, type Tensor2D } from '@stemkit/tensor'

/** B and T of every batch of a graph. */
export interface BatchShape {
  readonly size: number
  readonly length: number
}

export interface GraphOptions {
  readonly config: ModelConfig
  readonly batch: BatchShape
  /** Whether a table comes as the U rows that the batch uses, or as all V rows. */
  readonly tables: 'rows' | 'whole'
  readonly custom?: CustomFeedForwards | undefined
}

export const gradientName = (weight: string): string => `grad.${weight}`

/** The inputs of the graphs below: a batch, flattened to N = B * T positions, and every weight by name. */
export function graphInputs({ config, batch, tables, custom }: GraphOptions): Record<string, InputSpec> {
  const { size, length } = batch
  const positions: InputSpec = { dtype: 'int32', shape: [size * length] }
  const inputs: Record<string, InputSpec> = {
    inputIds: positions,
    targets: positions,
    positionIds: positions,
    documentIds: positions,
    inverse: positions,
    tokenExperts: positions,
    lossWeights: { dtype: 'float32', shape: [size * length] },
  }
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    inputs[name] = { dtype: 'float32', shape: role === 'table' && tables === 'rows' ? ['U', shape[1]!] : shape }
  }
  return inputs
}

function lossInputs({ batch, custom }: GraphOptions, inputs: Record<string, Tensor>): LossInputs {
  const sequences = (name: string): Tensor2D => reshape(inputs[name]!, [batch.size, batch.length])
  return {
    ids: sequences('inputIds'),
    positions: sequences('positionIds'),
    documents: sequences('documentIds'),
    targets: inputs['targets'] as Tensor1D,
    inverse: inputs['inverse'] as Tensor1D,
    tokenExperts: inputs['tokenExperts'] as Tensor1D,
    ...(custom ? { custom } : {}),
  }
}

/**
 * One training step up to the optimiser: `loss` [] = sum(lossWeights * losses) and `grad.<weight>` for every weight;
 * the gradient of a table has the shape of the block that came in.
 */
export function gradientGraph(options: GraphOptions): TensorFunction {
  const names = [...listWeights(options.config, options.custom).keys()]
  return (inputs) => {
    const lossWeights = inputs['lossWeights'] as Tensor1D
    const loss = (...weights: Tensor[]): Scalar =>
      nextTokenLoss(options.config, Object.fromEntries(names.map((name, i) => [name, weights[i]!])), {
        ...lossInputs(options, inputs),
        lossWeights,
      })
    const { value, grads } = valueAndGrads(loss)(names.map((name) => inputs[name]!))
    return { loss: value, ...Object.fromEntries(names.map((name, i) => [gradientName(name), grads[i]!])) }
  }
}

/** `losses` [N] in nats. Nothing of a loss of the feed-forwards' own is in it. */
export function lossGraph(options: GraphOptions): TensorFunction {
  const names = [...listWeights(options.config, options.custom).keys()]
  return (inputs) => {
    const weights = Object.fromEntries(names.map((name) => [name, inputs[name]!]))
    return { losses: perTokenLoss(options.config, weights, lossInputs(options, inputs)).losses }
  }
}

/** `logits` [N, V]. */
export function logitsGraph(options: GraphOptions): TensorFunction {
  const { config, custom } = options
  const names = [...listWeights(config, custom).keys()]
  return (inputs) => {
    const weights = Object.fromEntries(names.map((name) => [name, inputs[name]!]))
    const given = lossInputs(options, inputs)
    const { hidden } = transformer(config, weights, given, buildFeedForwards(config, weights, given))
    return { logits: logits(weights, hidden) }
  }
}
