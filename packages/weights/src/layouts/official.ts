import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { readConfig, type ConfigReader } from '../config-reader.ts'
import type { Mapping, Origin } from '../mapping.ts'
import { isObject } from '../strict-json.ts'
import { findTensor, showShape, type TensorInfo } from '../tensor.ts'
import { weightShapes } from '../weight-shapes.ts'
import { findOrigins, layersOutside, showLayers, type Exported, type Imported } from './layout.ts'

// The published STEM code (github.com/facebookresearch/STEM, apps/main/stem.py) keeps the backbone in `lm_transformer`
// and the tables in the list `stem_embeddings`, in the order of `stem_layers`. A dense model has no such wrapper.

export interface OfficialOptions {
  /** What tables are called: `{index}` is the place in `stem_layers`, `{layer}` the layer. Default `stem_embeddings.{index}.weight`. */
  readonly tableName?: string
}

const TABLE_NAME = 'stem_embeddings.{index}.weight'
const BACKBONE = 'lm_transformer.'
const EMBEDDING = 'tok_embeddings.weight'

const GLOBAL: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': EMBEDDING,
  'model.norm.weight': 'norm.weight',
  'lm_head.weight': 'output.weight',
}

const OF_LAYER: Readonly<Record<string, string>> = {
  'input_layernorm.weight': 'attention_norm.weight',
  'self_attn.q_proj.weight': 'attention.wq.weight',
  'self_attn.k_proj.weight': 'attention.wk.weight',
  'self_attn.v_proj.weight': 'attention.wv.weight',
  'self_attn.o_proj.weight': 'attention.wo.weight',
  'post_attention_layernorm.weight': 'ffn_norm.weight',
  'mlp.gate_proj.weight': 'feed_forward.w1.weight',
  'mlp.up_proj.weight': 'feed_forward.w3.weight',
  'mlp.down_proj.weight': 'feed_forward.w2.weight',
}

/** The official name of a weight of ours. */
function officialName(name: string, stemLayers: readonly number[], backbone: string, tableName: string): string {
  const [, layer, rest] = /^model\.layers\.(\d+)\.(.+)$/u.exec(name) ?? []
  if (layer === undefined || rest === undefined) return backbone + GLOBAL[name]
  if (rest !== 'mlp.stem_table.weight') return `${backbone}layers.${layer}.${OF_LAYER[rest]}`
  const index = stemLayers.indexOf(Number(layer))
  return tableName.replaceAll('{index}', String(index)).replaceAll('{layer}', layer)
}

/**
 * Reads a state dict of the published code, STEM or dense. Sizes come from the tensors; heads and constants from the
 * parameters. Rotary pairs are interleaved there too, so nothing moves. A prefix before all names is accepted.
 * @param params the parsed params.json of a checkpoint, or its `model` part
 * @throws bad-input naming the tensor or parameter that is missing or contradicts another; unsupported for a sliding window
 */
export function importOfficial(
  params: unknown,
  tensors: ReadonlyMap<string, TensorInfo>,
  { tableName = TABLE_NAME }: OfficialOptions = {},
): Imported {
  const read = readConfig('params.json', isObject(params) && isObject(params['model']) ? params['model'] : params)
  read.only('sliding_window', [], 'attention sees the whole sequence here')

  const embedding = [...tensors.keys()].find((name) => name.endsWith(EMBEDDING))
  if (embedding === undefined) {
    throw new StemkitError(
      'bad-input',
      `no tensor is called '${EMBEDDING}': this is no state dict of the published code`,
    )
  }
  const backbone = embedding.slice(0, -EMBEDDING.length)
  const outer = backbone.endsWith(BACKBONE) ? backbone.slice(0, -BACKBONE.length) : backbone
  const { layers, stemLayers, ...sizes } = readSizes(read, tensors, backbone)
  const config: ModelConfig = {
    ...sizes,
    layers,
    ...readHeads(read, sizes.dim),
    maxLength: read.count('max_seqlen', 1024),
    feedForwards: Array.from({ length: layers }, (_, layer) => (stemLayers.includes(layer) ? 'stem' : 'dense')),
    ropeTheta: read.positive('rope_theta', 10_000),
    normEps: read.positive('norm_eps', 1e-5),
    crossDocumentMask: read.flag('cross_document_mask', false),
  }
  const tied = read.flag('weight_tying', false) || tensors.has(`${backbone}output.tied_module.weight`)
  const originOf = (name: string): Origin => {
    if (tied && name === 'lm_head.weight') return { from: embedding }
    return { from: officialName(name, stemLayers, backbone, outer + tableName) }
  }
  const isIgnored = (name: string): boolean =>
    name === `${backbone}rope_embeddings.freqs_cis` || (tied && name.startsWith(`${backbone}output.`))
  return { config, mapping: findOrigins(config, tensors, originOf, isIgnored) }
}

function readSizes(read: ConfigReader, tensors: ReadonlyMap<string, TensorInfo>, backbone: string) {
  const shapeOf = (name: string): [number, number] => {
    const { shape } = findTensor(tensors, backbone + name)
    if (shape.length === 2) return shape as unknown as [number, number]
    throw new StemkitError('bad-input', `'${backbone}${name}' is ${showShape(shape)}, but must be a matrix`)
  }
  const [vocabSize, dim] = shapeOf(EMBEDDING)
  let layers = 0
  while (tensors.has(`${backbone}layers.${layers}.attention.wq.weight`)) layers++
  const [ffnHidden] = shapeOf('layers.0.feed_forward.w1.weight')
  const found = { dim, n_layers: layers, vocab_size: vocabSize, stem_embedding_dim: ffnHidden }
  for (const [key, size] of Object.entries(found)) {
    // The published code has -1 for a vocabulary that the tokenizer decides.
    const said = key === 'vocab_size' ? [size, -1] : [size]
    read.only(key, said, `the tensors say ${size}`)
  }
  const without = Array.from({ length: layers }, (_, layer) => layer).filter(
    (layer) => !tensors.has(`${backbone}layers.${layer}.feed_forward.w3.weight`),
  )
  const stemLayers = read.indices('stem_layers', layers) ?? without
  if (stemLayers.toSorted((a, b) => a - b).join() !== without.join()) {
    throw read.wrong(
      'stem_layers',
      `is [${stemLayers.join(', ')}], but the layers without w3 are [${without.join(', ')}]`,
    )
  }
  return { vocabSize, dim, layers, ffnHidden, stemLayers }
}

function readHeads(read: ConfigReader, dim: number): Pick<ModelConfig, 'heads' | 'kvHeads' | 'headDim'> {
  if (!read.has('n_heads') && !read.has('head_dim')) throw read.wrong('n_heads', 'is missing, and so is head_dim')
  const heads = read.has('n_heads') ? read.count('n_heads') : Math.floor(dim / read.count('head_dim'))
  const headDim = read.count('head_dim', Math.floor(dim / heads))
  const kvHeads = read.count('n_kv_heads', heads)
  if (heads % kvHeads !== 0) throw read.wrong('n_heads', `is ${heads}, no multiple of n_kv_heads, ${kvHeads}`)
  return { heads, kvHeads, headDim }
}

/**
 * The layout of the published code: what `load_state_dict` of its model takes, and the `params.json` beside it.
 * @throws unsupported for a model with layers that are neither dense nor STEM
 */
export function exportOfficial(config: ModelConfig, { tableName = TABLE_NAME }: OfficialOptions = {}): Exported {
  const others = layersOutside(config, ['dense', 'stem'])
  if (others.length > 0) {
    const why = `${showLayers(others)} of this model are ${config.feedForwards[others[0]!]}`
    throw new StemkitError(
      'unsupported',
      `${why}, which the published code does not have; only dense and stem layers can be exported`,
    )
  }
  const stemLayers = layersOutside(config, ['dense'])
  const backbone = stemLayers.length > 0 ? BACKBONE : ''
  const mapping: Mapping = new Map(
    Array.from(weightShapes(config).keys(), (name) => [
      officialName(name, stemLayers, backbone, tableName),
      { from: name },
    ]),
  )
  return {
    json: {
      model: {
        dim: config.dim,
        n_layers: config.layers,
        n_heads: config.heads,
        n_kv_heads: config.kvHeads,
        head_dim: config.headDim,
        ...widthRule(config),
        norm_eps: config.normEps,
        rope_theta: config.ropeTheta,
        max_seqlen: config.maxLength,
        vocab_size: config.vocabSize,
        weight_tying: false,
        ...(stemLayers.length > 0 && { stem_layers: stemLayers, stem_embedding_dim: config.ffnHidden }),
        cross_document_mask: config.crossDocumentMask,
      },
    },
    mapping,
  }
}

/** Parameters with which the published width rule gives this width: trunc(multiplier * trunc(8 dim / 3)), rounded up to a multiple. */
function widthRule({ dim, ffnHidden }: ModelConfig): { multiple_of: number; ffn_dim_multiplier: number | null } {
  const plain = Math.trunc((2 * 4 * dim) / 3)
  if (256 * Math.ceil(plain / 256) === ffnHidden) return { multiple_of: 256, ffn_dim_multiplier: null }
  return { multiple_of: ffnHidden, ffn_dim_multiplier: plain <= ffnHidden ? null : ffnHidden / plain }
}
