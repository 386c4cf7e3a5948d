import type { InputSpec, TensorFunction } from '@stemkit/compile'
import {
  feedForwardDefinition,
  listWeights,
  transformer,
  type CustomFeedForwards,
  type ModelConfig,
} from '@stemkit/model'
import { gatherRows, linear, linearCrossEntropy, neg, reshape, sum, valueAndGrads } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'

export interface GraphShape {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
  /** Names of the tables. */
  readonly tables: readonly string[]
  /** B variants of one sequence of T tokens, of each of which R targets are scored. */
  readonly size: number
  readonly length: number
  readonly targets: number
}

export const inverseName = (table: string): string => `inverse.${table}`
export const gradientName = (table: string): string => `grad.${table}`

/**
 * The inputs of the graphs below: `ids`, `positions`, `tokenExperts` and, for each table, `inverse.<table>`
 * [B * T]; `at` and `targets` [B * R]; every weight by name, of a table the rows [U, w] that may be used. Each table has an
 * inverse of its own, so that one row of one layer can be another one while all else stays.
 */
export function attributionInputs({ config, custom, tables, size, length, targets }: GraphShape) {
  const positions: InputSpec = { dtype: 'int32', shape: [size * length] }
  const asked: InputSpec = { dtype: 'int32', shape: [size * targets] }
  const inputs: Record<string, InputSpec> = {
    ids: positions,
    positions,
    tokenExperts: positions,
    at: asked,
    targets: asked,
  }
  for (const table of tables) inputs[inverseName(table)] = positions
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    inputs[name] = { dtype: 'float32', shape: role === 'table' ? ['U', shape[1]!] : shape }
  }
  return inputs
}

/** `losses` [B * R]: minus ln of the probability of each target. */
export function logProbabilityGraph(shape: GraphShape): TensorFunction {
  return (inputs) => ({ losses: lossesOf(shape, inputs) })
}

/** `logProbability` [], summed over all targets, and `grad.<table>` [U, w]. */
export function rowGradientGraph(shape: GraphShape): TensorFunction {
  return (inputs) => {
    const total = (...rows: Tensor[]): Scalar => {
      const replaced = Object.fromEntries(shape.tables.map((name, t) => [name, rows[t]!]))
      return neg(sum(lossesOf(shape, { ...inputs, ...replaced })))
    }
    const { value, grads } = valueAndGrads(total)(shape.tables.map((name) => inputs[name]!))
    return {
      logProbability: value,
      ...Object.fromEntries(shape.tables.map((name, t) => [gradientName(name), grads[t]!])),
    }
  }
}

/** `logits` [B * R, V] at the positions asked for. */
export function logitsGraph(shape: GraphShape): TensorFunction {
  return (inputs) => ({ logits: linear(hiddenAt(shape, inputs), inputs['lm_head.weight'] as Tensor2D) })
}

const lossesOf = (shape: GraphShape, inputs: Record<string, Tensor>): Tensor1D =>
  linearCrossEntropy(hiddenAt(shape, inputs), inputs['lm_head.weight'] as Tensor2D, inputs['targets'] as Tensor1D)

/** [B * R, d]. */
function hiddenAt({ config, custom, size, length }: GraphShape, inputs: Record<string, Tensor>): Tensor2D {
  const sequences = (name: string): Tensor2D => reshape(inputs[name]!, [size, length])
  const feedForwards = config.feedForwards.map((kind, layer) => {
    const at = `model.layers.${layer}.mlp.`
    const table = Object.keys(inputs).find((name) => name.startsWith(inverseName(at)))
    return feedForwardDefinition(kind, custom).build((name) => inputs[at + name]!, {
      config,
      layer,
      tokenExperts: inputs['tokenExperts'] as Tensor1D,
      ...(table !== undefined && { inverse: inputs[table] as Tensor1D }),
    })
  })
  const given = { ids: sequences('ids'), positions: sequences('positions') }
  const { hidden } = transformer(config, inputs, given, feedForwards)
  return gatherRows(hidden, inputs['at'] as Tensor1D)
}
