import type { FrozenWeight, InputSpec, TensorFunction } from '@stemkit/compile'
import { buildFeedForwards, listWeights, logits, transformer, type Weights } from '@stemkit/model'
import type { Attend, CustomFeedForwards, ModelConfig } from '@stemkit/model'
import { cachedAttention, gatherRows, reshape, ropeTables } from '@stemkit/tensor'
import type { Tensor1D, Tensor2D, Tensor4D } from '@stemkit/tensor'
import type { KvScales } from './kv-cache.ts'

export interface StepGraphOptions {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
  /** Tokens that a cache holds, C. */
  readonly capacity: number
  /** Caches are int8; the function then has weights of these, which `scaleNames` names. */
  readonly scales?: KvScales | undefined
}

/** Of one layer, names of what a unit of its caches stands for. */
const scaleNames = (layer: number): { keys: string; values: string } => ({
  keys: `layers.${layer}.keys.scales`,
  values: `layers.${layer}.values.scales`,
})

/** The weights of a step beside the model's own: scales [G * hd]. */
export function scaleWeights(scales: KvScales = []): Record<string, FrozenWeight> {
  return Object.fromEntries(
    scales.flatMap(({ keys, values }, layer) => {
      const names = scaleNames(layer)
      return [
        [names.keys, { shape: [keys.length], data: keys }],
        [names.values, { shape: [values.length], data: values }],
      ]
    }),
  )
}

/** Channels that a head has in the cache, w: what the fused attention wants. */
export const cacheWidth = (headDim: number): number => 16 * Math.ceil(headDim / 16)

/** Names of the caches in the graph, which gives them back under `after`. */
export const cacheNames = (layer: number): { keys: string; values: string } => ({
  keys: `layers.${layer}.keys`,
  values: `layers.${layer}.values`,
})
export const after = (name: string): string => `${name}.after`

/**
 * The inputs of a step of B sequences of T new tokens: `last` [B], index of the last of them in its sequence, `longest` [1],
 * `ids`, `inverse` and `tokenExperts` [B, T], `at` [R], the positions (of B * T) that get logits, the caches [B, G, C, w], and
 * of each table its rows [U, w].
 */
export function stepInputs({ config, custom, capacity, scales }: StepGraphOptions): Record<string, InputSpec> {
  const tokens: InputSpec = { dtype: 'int32', shape: ['B', 'T'] }
  const inputs: Record<string, InputSpec> = {
    last: { dtype: 'int32', shape: ['B'] },
    longest: { dtype: 'int32', shape: [1] },
    ids: tokens,
    inverse: tokens,
    tokenExperts: tokens,
    at: { dtype: 'int32', shape: ['R'] },
  }
  const cache: InputSpec = {
    dtype: scales ? 'int8' : 'float32',
    shape: ['B', config.kvHeads, capacity, cacheWidth(config.headDim)],
  }
  for (let layer = 0; layer < config.layers; layer++) {
    const { keys, values } = cacheNames(layer)
    inputs[keys] = cache
    inputs[values] = cache
  }
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (role === 'table') inputs[name] = { dtype: 'float32', shape: ['U', shape[1]!] }
  }
  return inputs
}

/** A step: `logits` [R, V], and the caches with the new tokens in them. */
export function stepGraph({ config, custom, capacity, scales }: StepGraphOptions): TensorFunction {
  const { heads, kvHeads, headDim, ropeTheta } = config
  return (inputs) => {
    const weights = inputs as Weights
    const vector = (name: string): Tensor1D => reshape(inputs[name]!, [-1])
    const feedForwards = buildFeedForwards(config, weights, {
      inverse: vector('inverse'),
      tokenExperts: vector('tokenExperts'),
      ...(custom ? { custom } : {}),
    })
    const place = { last: vector('last'), longest: vector('longest') }
    const tables = ropeTables(capacity, headDim, ropeTheta)
    const attend: Attend = (layer, q, k, v) => {
      const names = cacheNames(layer)
      const cache = { keys: inputs[names.keys] as Tensor4D, values: inputs[names.values] as Tensor4D }
      const units = scaleNames(layer)
      const { out, keys, values } = cachedAttention({ q, k, v }, cache, place, tables, {
        heads,
        kvHeads,
        ...(scales && { scales: { keys: inputs[units.keys] as Tensor1D, values: inputs[units.values] as Tensor1D } }),
      })
      return { y: out, state: { [after(names.keys)]: keys, [after(names.values)]: values } }
    }
    const { hidden, state } = transformer(config, weights, { ids: inputs['ids'] as Tensor2D, attend }, feedForwards)
    return { logits: logits(weights, gatherRows(hidden, vector('at'))), ...state }
  }
}
