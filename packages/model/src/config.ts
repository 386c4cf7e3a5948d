import { StemkitError } from '@stemkit/spec/errors'
import type { FeedForwardKind, ModelConfig } from '@stemkit/spec/model-config'
import { stemPlacement, type Placement } from './placement.ts'

/** What may be said about a model. All but `vocabSize` has a default, that of the published code where it has one. */
export interface ModelOptions {
  readonly vocabSize: number
  /** Default 512. */
  readonly dim?: number
  /** Default 8. */
  readonly layers?: number
  /** Default dim / 64. */
  readonly heads?: number
  /** Default `heads`: as many key/value heads as query heads. */
  readonly kvHeads?: number
  /** Default dim / heads. */
  readonly headDim?: number
  /** Default: the width rule, see `ffnWidth`. */
  readonly ffnHidden?: number
  /** For the width rule; default 256. */
  readonly ffnMultipleOf?: number
  /** For the width rule. */
  readonly ffnDimMultiplier?: number
  /** In tokens; default 1024. */
  readonly maxLength?: number
  /** The feed-forward of the layers at `placement`; the others are dense. Default `dense`. */
  readonly kind?: FeedForwardKind
  /** Default `full`: all layers but the first. */
  readonly placement?: Placement
  /** One kind per layer, instead of `kind` and `placement`. */
  readonly feedForwards?: readonly FeedForwardKind[]
  /** Needed for hash-MoE layers. */
  readonly experts?: number
  /** Expert of each token id [V]. Default: a hash of the id. */
  readonly expertOfToken?: readonly number[]
  /** Default 10000. */
  readonly ropeTheta?: number
  /** Default 1e-5. */
  readonly normEps?: number
  /** Default true. The published training loop has it off and lets packed documents see each other. */
  readonly crossDocumentMask?: boolean
}

const KEYS: Record<keyof ModelOptions, true> = {
  vocabSize: true,
  dim: true,
  layers: true,
  heads: true,
  kvHeads: true,
  headDim: true,
  ffnHidden: true,
  ffnMultipleOf: true,
  ffnDimMultiplier: true,
  maxLength: true,
  kind: true,
  placement: true,
  feedForwards: true,
  experts: true,
  expertOfToken: true,
  ropeTheta: true,
  normEps: true,
  crossDocumentMask: true,
}

const wrong = (key: string, problem: string): StemkitError =>
  new StemkitError('bad-input', `model config: ${key} ${problem}`)

/**
 * The published width rule: h = trunc(8 dim / 3), h = trunc(multiplier h), rounded up to a multiple (default 256).
 * 32 -> 256, 1024 -> 2816, 2048 -> 5632; 2048 with multiplier 1.5 -> 8192.
 */
export function ffnWidth(dim: number, { multipleOf = 256, multiplier = 1 } = {}): number {
  const hidden = Math.trunc(multiplier * Math.trunc((2 * 4 * dim) / 3))
  return multipleOf * Math.ceil(hidden / multipleOf)
}

/**
 * Fills in the defaults and checks that everything fits together.
 * @throws bad-input naming the key, for a missing, unknown or impossible value
 */
export function createModelConfig(options: ModelOptions): ModelConfig {
  const unknown = Object.keys(options).find((key) => !(key in KEYS))
  if (unknown !== undefined) throw wrong(unknown, `is not a key; known are ${Object.keys(KEYS).join(', ')}`)
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ModelOptions

  const { dim = 512, layers = 8, kind = 'dense', placement = 'full' } = given
  positiveIntegers({ dim, layers, ...pick(given, ['heads', 'ffnMultipleOf']) })
  if (given.ffnDimMultiplier !== undefined && !(given.ffnDimMultiplier > 0)) {
    throw wrong('ffnDimMultiplier', `is ${given.ffnDimMultiplier}, but must be positive`)
  }
  if (given.feedForwards && (given.kind !== undefined || given.placement !== undefined)) {
    throw wrong('feedForwards', 'lists every layer; leave out kind and placement')
  }
  const special = new Set(given.feedForwards ? [] : stemPlacement(placement, layers))
  const { heads = Math.max(1, Math.floor(dim / 64)) } = given
  return checkModelConfig({
    dim,
    layers,
    heads,
    kvHeads: given.kvHeads ?? heads,
    headDim: given.headDim ?? dim / heads,
    ffnHidden:
      given.ffnHidden ?? ffnWidth(dim, { multipleOf: given.ffnMultipleOf, multiplier: given.ffnDimMultiplier }),
    vocabSize: given.vocabSize,
    maxLength: given.maxLength ?? 1024,
    feedForwards: given.feedForwards ?? Array.from({ length: layers }, (_, l) => (special.has(l) ? kind : 'dense')),
    ...pick(given, ['experts', 'expertOfToken']),
    ropeTheta: given.ropeTheta ?? 10_000,
    normEps: given.normEps ?? 1e-5,
    crossDocumentMask: given.crossDocumentMask ?? true,
  })
}

/**
 * Returns a complete config if it is sound, such as one read from a file.
 * @throws bad-input naming the key
 */
export function checkModelConfig(config: ModelConfig): ModelConfig {
  const { dim, layers, heads, kvHeads, headDim, feedForwards, experts, expertOfToken } = config
  const sizes = pick(config, ['dim', 'layers', 'heads', 'kvHeads', 'headDim', 'ffnHidden', 'vocabSize', 'maxLength'])
  positiveIntegers({ ...sizes, ...pick(config, ['experts']) })
  if (heads % kvHeads !== 0) throw wrong('heads', `(${heads}) is no multiple of kvHeads (${kvHeads})`)
  if (headDim % 2 !== 0) throw wrong('headDim', `is ${headDim}, but rotary embeddings need an even number (dim ${dim})`)
  for (const key of ['ropeTheta', 'normEps'] as const) {
    if (!(config[key] > 0)) throw wrong(key, `is ${config[key]}, but must be positive`)
  }
  if (feedForwards.length !== layers)
    throw wrong('feedForwards', `has ${feedForwards.length} entries for ${layers} layers`)
  if (feedForwards.includes('hash_moe') && experts === undefined)
    throw wrong('experts', 'is missing for hash_moe layers')
  if (expertOfToken !== undefined) {
    if (expertOfToken.length !== config.vocabSize) {
      throw wrong('expertOfToken', `has ${expertOfToken.length} entries for ${config.vocabSize} tokens`)
    }
    const stray = expertOfToken.findIndex((e) => !Number.isInteger(e) || e < 0 || e >= (experts ?? 0))
    if (stray >= 0)
      throw wrong('expertOfToken', `sends token ${stray} to ${expertOfToken[stray]} of ${experts} experts`)
  }
  return config
}

function positiveIntegers(values: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(values)) {
    if (!Number.isInteger(value) || (value as number) < 1) {
      throw wrong(key, value === undefined ? 'is missing' : `is ${String(value)}, but must be a positive whole number`)
    }
  }
}

/** The named entries that are there. */
function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => key in from).map((key) => [key, from[key]])) as Pick<T, K>
}
