import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { countFlops, countParameters, type FlopCounts, type ParameterCounts } from './counts.ts'
import { feedForwardDefinition } from './feed-forward.ts'
import { stemPlacement } from './placement.ts'
import type { WeightSpec } from './weights.ts'

/** What one kind of feed-forward costs in the layers that are compared. */
export interface KindCosts {
  readonly kind: 'dense' | 'hash_moe' | 'stem'
  /** Of one layer's feed-forward. */
  readonly layer: {
    readonly parameters: number
    /** Per token of a forward pass, a multiply-add being two; training takes three times as many. */
    readonly flops: number
    /** Parameters read to decode one token. */
    readonly loaded: number
    /** Of these, how many are the same for every token. */
    readonly shared: number
    /**
     * Numbers sent between devices per token of a forward pass, where each expert lies on a device of its own: the input
     * goes to the expert, its output comes back. Training sends twice as many. Rows are known from the ids and need not be
     * asked for.
     */
    readonly communicated: number
  }
  /** Of the whole model, the other layers as they are. */
  readonly parameters: ParameterCounts
  readonly flops: FlopCounts
}

export interface CostComparison {
  /** The layers whose feed-forward differs: those of the config that are not dense, else all but the first. */
  readonly layers: readonly number[]
  readonly experts: number
  readonly kinds: readonly KindCosts[]
  /** What STEM saves over dense in all of these layers together, per token. */
  readonly saved: {
    /** d * d_ff per layer: for B tokens and L layers B * d * d_ff * L. */
    readonly multiplyAdds: number
    /** Parameters that decoding a token does not load. */
    readonly loaded: number
  }
}

export interface CompareOptions {
  /** T: positions that attention is counted over. */
  readonly length: number
  /** Default: the config's, else as many as give a mixture the parameters of a STEM layer, at least 2. */
  readonly experts?: number
}

/** Costs of the same model with dense, hash-routed top-1 mixture and STEM feed-forwards in the same layers. */
export function compareCosts(config: ModelConfig, { length, experts: given }: CompareOptions): CostComparison {
  const special = config.feedForwards.flatMap((kind, layer) => (kind === 'dense' ? [] : [layer]))
  const layers = special.length > 0 ? special : stemPlacement('full', config.layers)
  if (layers.length === 0) {
    throw new StemkitError('bad-input', 'compare costs: a model of one dense layer has no layer that could differ')
  }
  const { dim, ffnHidden, vocabSize } = config
  const experts = given ?? config.experts ?? Math.max(2, Math.round((2 * dim + vocabSize) / (3 * dim)))
  const kinds = (['dense', 'hash_moe', 'stem'] as const).map((kind): KindCosts => {
    const { expertOfToken: _, ...rest } = config
    const own: ModelConfig = {
      ...rest,
      experts,
      feedForwards: config.feedForwards.map((other, layer) => (layers.includes(layer) ? kind : other)),
    }
    const weights = Object.values(feedForwardDefinition(kind).weights(own, layers[0]!))
    return {
      kind,
      layer: {
        parameters: sum(weights, sizeOf),
        flops: sum(weights, (spec) => (spec.role === 'matrix' ? 2 * sizeOf(spec) * (spec.share ?? 1) : 0)),
        loaded: sum(weights, loadedOf),
        shared: sum(weights, (spec) => (spec.role === 'table' || spec.share !== undefined ? 0 : sizeOf(spec))),
        communicated: kind === 'hash_moe' ? 2 * dim : 0,
      },
      parameters: countParameters(own),
      flops: countFlops(own, { length }),
    }
  })
  const [dense, , stem] = kinds as [KindCosts, KindCosts, KindCosts]
  return {
    layers,
    experts,
    kinds,
    saved: {
      multiplyAdds: dim * ffnHidden * layers.length,
      loaded: (dense.layer.loaded - stem.layer.loaded) * layers.length,
    },
  }
}

const sizeOf = ({ shape }: WeightSpec): number => shape.reduce((a, b) => a * b, 1)

/** For one token: a row of a table, one expert of a mixture. */
const loadedOf = (spec: WeightSpec): number =>
  spec.role === 'table' ? sizeOf(spec) / spec.shape[0]! : sizeOf(spec) * (spec.share ?? 1)

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0)
