import { StemkitError } from '@stemkit/spec/errors'
import type { FeedForwardKind, ModelConfig } from '@stemkit/spec/model-config'
import { readConfig, type ConfigReader } from './config-reader.ts'
import { isObject } from './strict-json.ts'

/** For configs that do not say. */
export const DEFAULT_MAX_LENGTH = 2048

/** More would be a mistake, and would take long to find out. */
const MAX_LAYERS = 10_000
const MAX_EXPERT_BLOCKS = 1_000_000

/** The rule where there is no `expert_of_token`, in words for readers of the file. */
const EXPERT_HASH = '((token * 2654435761) mod 2^32) mod n_experts'

const ALWAYS = [
  ['format', 'stemkit', 'it must be "stemkit"; other layouts are imported by `stem convert`'],
  ['rope_style', 'interleaved', 'weights are kept with interleaved rotary pairs'],
  ['activation', 'silu', 'only silu is built in'],
  ['tie_word_embeddings', false, 'the head is always a tensor of its own'],
  ['attention_bias', false, 'there are no biases'],
  ['mlp_bias', false, 'there are no biases'],
] as const

/**
 * Reads a parsed config.json of a model folder. Keys that do not matter here are ignored; a feed-forward kind that
 * is not built in is taken for the name of a user's own. `max_length` defaults to 2048.
 * @throws bad-input or unsupported with one line that names the key
 */
export function parseModelConfig(json: unknown): ModelConfig {
  if (isObject(json) && json['n_layers'] === undefined && json['num_hidden_layers'] !== undefined) {
    const hint = 'import it with importModel() or `stem convert`'
    throw new StemkitError('unsupported', `this config.json is in the Hugging Face layout; ${hint}`)
  }
  const read = readConfig('config.json', json)
  for (const [key, value, why] of ALWAYS) read.only(key, [value], why)

  const dim = read.count('dim')
  const layers = read.count('n_layers')
  const vocabSize = read.count('vocab_size')
  const feedForwards = readFeedForwards(read, layers)
  const config: ModelConfig = {
    dim,
    layers,
    ...readHeads(read, dim),
    ffnHidden: read.count('ffn_hidden'),
    vocabSize,
    maxLength: read.count('max_length', DEFAULT_MAX_LENGTH),
    feedForwards,
    ...readExperts(read, feedForwards, vocabSize),
    ropeTheta: read.positive('rope_theta', 10_000),
    normEps: read.positive('norm_eps', 1e-5),
    crossDocumentMask: read.flag('cross_document_mask', false),
  }
  return config
}

function readHeads(read: ConfigReader, dim: number): Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'> {
  const heads = read.count('n_heads')
  const kvHeads = read.count('n_kv_heads', heads)
  if (heads % kvHeads !== 0) throw read.wrong('n_heads', `is ${heads}, which is no multiple of n_kv_heads, ${kvHeads}`)
  if (!read.has('head_dim') && dim % heads !== 0) {
    throw read.wrong(
      'dim',
      `is ${dim}, which is no multiple of n_heads, ${heads}; else head_dim must say the width of a head`,
    )
  }
  const headDim = read.count('head_dim', dim / heads)
  if (headDim % 2 !== 0) throw read.wrong('head_dim', `is ${headDim}, but rotary embeddings need an even number`)
  return { heads, kvHeads, headDim }
}

/** One kind per layer: as listed, or from the model's kind and its list of layers. */
function readFeedForwards(read: ConfigReader, layers: number): FeedForwardKind[] {
  if (layers > MAX_LAYERS) throw read.wrong('n_layers', `is ${layers}; more than ${MAX_LAYERS} are not supported`)
  const kinds = read.names('ffn_kind_per_layer')
  const special = { stem: read.indices('stem_layers', layers), hash_moe: read.indices('moe_layers', layers) }
  if (kinds === undefined) {
    return Array.from({ length: layers }, (_, layer) => {
      const stem = special.stem?.includes(layer)
      if (stem && special.hash_moe?.includes(layer))
        throw read.wrong('moe_layers', `has ${layer}, which is also in stem_layers`)
      return stem ? 'stem' : special.hash_moe?.includes(layer) ? 'hash_moe' : 'dense'
    })
  }
  if (kinds.length !== layers)
    throw read.wrong('ffn_kind_per_layer', `has ${kinds.length} entries for ${layers} layers`)
  for (const [kind, key] of [
    ['stem', 'stem_layers'],
    ['hash_moe', 'moe_layers'],
  ] as const) {
    const listed = special[kind]
    const odd = kinds.findIndex((name, layer) => listed !== undefined && (name === kind) !== listed.includes(layer))
    if (odd >= 0) throw read.wrong(key, `contradicts ffn_kind_per_layer, which has ${kinds[odd]} in layer ${odd}`)
  }
  return kinds
}

function readExperts(
  read: ConfigReader,
  feedForwards: readonly FeedForwardKind[],
  vocabSize: number,
): Pick<ModelConfig, 'experts' | 'expertOfToken'> {
  const blocks = feedForwards.filter((kind) => kind === 'hash_moe').length
  if (blocks === 0) return {}
  const experts = read.count('n_experts')
  if (experts * blocks > MAX_EXPERT_BLOCKS) {
    throw read.wrong(
      'n_experts',
      `is ${experts} in ${blocks} layers; more than ${MAX_EXPERT_BLOCKS} in all are not supported`,
    )
  }
  const expertOfToken = read.indices('expert_of_token', experts)
  if (expertOfToken === undefined) return { experts }
  if (expertOfToken.length !== vocabSize) {
    throw read.wrong('expert_of_token', `has ${expertOfToken.length} entries for a vocabulary of ${vocabSize}`)
  }
  return { experts, expertOfToken }
}

/** The config.json of a model, to be written as JSON; `parseModelConfig` gives the same config back. */
export function serializeModelConfig(config: ModelConfig): Record<string, unknown> {
  const layersOf = (kind: FeedForwardKind): number[] =>
    config.feedForwards.flatMap((own, layer) => (own === kind ? [layer] : []))
  const kinds = new Set(config.feedForwards.filter((kind) => kind !== 'dense'))
  const moe = kinds.has('hash_moe')
  return {
    format: 'stemkit',
    model_kind: kinds.size > 1 ? 'mixed' : (kinds.values().next().value ?? 'dense'),
    dim: config.dim,
    n_layers: config.layers,
    n_heads: config.heads,
    n_kv_heads: config.kvHeads,
    head_dim: config.headDim,
    ffn_hidden: config.ffnHidden,
    vocab_size: config.vocabSize,
    max_length: config.maxLength,
    ffn_kind_per_layer: [...config.feedForwards],
    stem_layers: layersOf('stem'),
    moe_layers: layersOf('hash_moe'),
    n_experts: moe ? config.experts : 0,
    rope_theta: config.ropeTheta,
    rope_style: 'interleaved',
    norm_eps: config.normEps,
    activation: 'silu',
    tie_word_embeddings: false,
    attention_bias: false,
    mlp_bias: false,
    cross_document_mask: config.crossDocumentMask,
    ...(moe && { expert_hash: config.expertOfToken ? 'expert_of_token' : EXPERT_HASH }),
    ...(moe && config.expertOfToken && { expert_of_token: config.expertOfToken }),
  }
}
