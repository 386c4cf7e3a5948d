import type { ModelConfig } from '@stemkit/spec/model-config'
import type { CustomFeedForwards } from './feed-forward.ts'
import { listWeights } from './list-weights.ts'

export interface ParameterCounts {
  readonly total: number
  /** All but the tables. */
  readonly dense: number
  readonly table: number
  /** Read for one token: the dense part (one expert of each mixture) and one row of each table. */
  readonly active: number
}

/** Number of parameters, input embedding and output head included. */
export function countParameters(config: ModelConfig, custom?: CustomFeedForwards): ParameterCounts {
  let [dense, table, active] = [0, 0, 0]
  for (const { shape, role, share = 1 } of listWeights(config, custom).values()) {
    const size = shape.reduce((a, b) => a * b, 1)
    if (role === 'table') {
      table += size
      active += size / shape[0]!
    } else {
      dense += size
      active += size * share
    }
  }
  return { total: dense + table, dense, table, active }
}

export interface FlopCounts {
  /** FLOPs per token of a forward pass. */
  readonly forward: number
  /** FLOPs per token of forward and backward: three times the former. */
  readonly training: number
  /** FLOPs per token of a prompt of `length` tokens, where the head is computed for the last one only. */
  readonly prefill: number
  /** FLOPs of the token that comes after `length - 1` others, whose keys and values are kept. */
  readonly decode: number
}

/**
 * FLOPs per token that the model asks for, a multiply-add being two: products with weight matrices (of a mixture, one
 * expert) and attention over all `length` positions, masked ones included, as is usual when utilisation is reported.
 * Looking a row up, in a table or in the embedding, multiplies nothing.
 */
export function countFlops(
  config: ModelConfig,
  { length, custom }: { readonly length: number; readonly custom?: CustomFeedForwards },
): FlopCounts {
  let forward = config.layers * 4 * length * config.heads * config.headDim
  for (const [name, { shape, role, share = 1 }] of listWeights(config, custom)) {
    if (role !== 'matrix' || name === 'model.embed_tokens.weight') continue
    forward += 2 * share * shape.reduce((a, b) => a * b, 1)
  }
  const head = 2 * config.dim * config.vocabSize
  return { forward, training: 3 * forward, prefill: forward - head * (1 - 1 / length), decode: forward }
}
