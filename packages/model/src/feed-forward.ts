import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { add, cast, equal, gatedFfn, gatherRows, linear, mul, reshape } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@stemkit/tensor'
import { readWeights, type WeightSpec, type Weights } from './weights.ts'

/** One layer's feed-forward: x [N, d] -> y [N, d]. `aux` is added to the loss (a router's balance, say). */
export type FeedForward = (x: Tensor2D) => { y: Tensor2D; aux?: Scalar }

/** What a feed-forward may know beside its weights. */
export interface FeedForwardContext {
  readonly config: ModelConfig
  readonly layer: number
  /** For `table` weights: row of each position in the batch's rows, int32 [N]. */
  readonly inverse?: Tensor1D
  /** Expert of each position, int32 [N]; see `tokenExperts`. */
  readonly tokenExperts?: Tensor1D
}

/** A kind of feed-forward: which weights a layer of it has and what it computes. A kind of your own has the same form. */
export interface FeedForwardDefinition {
  /** The weights of one layer, named within `model.layers.N.mlp.`. */
  weights(config: ModelConfig, layer: number): Readonly<Record<string, WeightSpec>>
  /** `weight` finds them by those names. A `table` comes as the rows [U, w] of this batch. */
  build(weight: (name: string) => Tensor, context: FeedForwardContext): FeedForward
}

const matrix = (out: number, input: number): WeightSpec => ({ shape: [out, input], role: 'matrix' })

/** y = Wd( silu(Wg x) * (Wu x) ) */
const dense: FeedForwardDefinition = {
  weights: ({ dim, ffnHidden }) => ({
    'gate_proj.weight': matrix(ffnHidden, dim),
    'up_proj.weight': matrix(ffnHidden, dim),
    'down_proj.weight': matrix(dim, ffnHidden),
  }),
  build(weight) {
    const [gate, up, down] = matrices(weight, ['gate_proj.weight', 'up_proj.weight', 'down_proj.weight'])
    return (x) => ({ y: gatedFfn(x, linear(x, up!), { gate: gate!, down: down! }) })
  },
}

/** y = Wd( silu(Wg x) * U[token] ): the row of the token takes the place of the up-projection. */
const stem: FeedForwardDefinition = {
  weights: ({ dim, ffnHidden, vocabSize }) => ({
    'gate_proj.weight': matrix(ffnHidden, dim),
    'stem_table.weight': { shape: [vocabSize, ffnHidden], role: 'table' },
    'down_proj.weight': matrix(dim, ffnHidden),
  }),
  build(weight, { inverse, layer }) {
    const [gate, rows, down] = matrices(weight, ['gate_proj.weight', 'stem_table.weight', 'down_proj.weight'])
    if (inverse === undefined) throw missing('inverse', 'stem', layer)
    return (x) => ({ y: gatedFfn(x, gatherRows(rows!, inverse), { gate: gate!, down: down! }) })
  },
}

/**
 * A dense block per expert, and each position goes to the one that its token id hashes to.
 * Every expert runs over all N positions and the others' results are masked: shapes stay fixed and nothing is routed, at
 * `experts` times the arithmetic that is needed. It is here to compare with, at the sizes that one trains on a CPU.
 */
const hashMoe: FeedForwardDefinition = {
  weights(config, layer) {
    const { experts = 1 } = config
    const own = Object.entries(dense.weights(config, layer))
    return Object.fromEntries(
      Array.from({ length: experts }, (_, e) => e).flatMap((e) =>
        own.map(([name, spec]) => [`experts.${e}.${name}`, { ...spec, share: 1 / experts }]),
      ),
    )
  },
  build(weight, context) {
    const { config, tokenExperts, layer } = context
    if (tokenExperts === undefined) throw missing('tokenExperts', 'hash_moe', layer)
    const experts = Array.from({ length: config.experts ?? 1 }, (_, e) =>
      dense.build((name) => weight(`experts.${e}.${name}`), context),
    )
    return (x) => {
      const parts = experts.map((expert, e) => mul(expert(x).y, maskOf(tokenExperts, e)))
      return { y: parts.reduce((sum, part) => add(sum, part)) as Tensor2D }
    }
  },
}

const builtIn: Readonly<Record<string, FeedForwardDefinition>> = { dense, stem, hash_moe: hashMoe }

/** The kinds that need no definition of yours. */
export const FEED_FORWARDS: readonly string[] = Object.keys(builtIn)

/** Kinds of your own, by the name that `config.feedForwards` uses. */
export type CustomFeedForwards = Readonly<Record<string, FeedForwardDefinition>>

/** @throws not-found for a kind that is neither built in nor in `custom` */
export function feedForwardDefinition(kind: string, custom: CustomFeedForwards = {}): FeedForwardDefinition {
  const known = { ...builtIn, ...custom }
  const definition = Object.hasOwn(known, kind) ? known[kind] : undefined
  if (definition !== undefined) return definition
  const names = Object.keys(known).join(', ')
  throw new StemkitError(
    'not-found',
    `feed-forward '${kind}' is not known; there are ${names}; one of yours is given as 'custom', or to stem by --plugin`,
  )
}

export interface FeedForwardInputs extends Pick<FeedForwardContext, 'inverse' | 'tokenExperts'> {
  readonly custom?: CustomFeedForwards
}

/**
 * The feed-forward of every layer, ready for `transformer`.
 * @throws not-found for an unknown kind or a missing weight; bad-input if a kind lacks the indices it needs
 */
export function buildFeedForwards(
  config: ModelConfig,
  weights: Weights,
  inputs: FeedForwardInputs = {},
): FeedForward[] {
  const { custom, ...indices } = inputs
  const weight = readWeights(weights)
  return config.feedForwards.map((kind, layer) =>
    feedForwardDefinition(kind, custom).build((name) => weight(`model.layers.${layer}.mlp.${name}`), {
      config,
      layer,
      ...indices,
    }),
  )
}

/** [N, 1]: 1 where the position belongs to expert e. */
const maskOf = (tokenExperts: Tensor1D, e: number): Tensor => reshape(cast(equal(tokenExperts, e), 'float32'), [-1, 1])

const matrices = (weight: (name: string) => Tensor, names: readonly string[]): Tensor2D[] =>
  names.map((name) => weight(name) as Tensor2D)

const missing = (what: string, kind: string, layer: number): StemkitError =>
  new StemkitError('bad-input', `layer ${layer} is ${kind} and needs '${what}' (int32 [N]) in buildFeedForwards`)
