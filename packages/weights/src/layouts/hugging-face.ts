import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { readConfig, type ConfigReader } from '../config-reader.ts'
import type { Dtype } from '../dtype.ts'
import type { Origin } from '../mapping.ts'
import type { TensorInfo } from '../tensor.ts'
import { checkWeights, weightShapes } from '../weight-shapes.ts'
import { findOrigins, layersOutside, showLayers, type Exported, type Imported } from './layout.ts'

const ARCHITECTURE = 'LlamaForCausalLM'

/** Tensors that old checkpoints carry and that follow from the config. */
const isRedundant = (name: string): boolean => name.endsWith('rotary_emb.inv_freq')

const turns = (name: string): boolean => name.endsWith('.q_proj.weight') || name.endsWith('.k_proj.weight')

/**
 * Reads a dense Llama model of the Hugging Face layout. Rotary pairs are channels i and i + headDim / 2 there, so
 * the rows of q_proj and k_proj move; a tied head becomes a tensor of its own.
 * @param json the parsed config.json
 * @param tensors names, dtypes and shapes of the weights there
 * @throws unsupported naming the key for what these models can have and ours cannot; bad-input for other mismatches
 */
export function importHuggingFace(json: unknown, tensors: ReadonlyMap<string, TensorInfo>): Imported {
  const read = readConfig('config.json', json)
  refuseVariants(read)
  const dim = read.count('hidden_size')
  const heads = read.count('num_attention_heads')
  const kvHeads = read.count('num_key_value_heads', heads)
  if (heads % kvHeads !== 0)
    throw read.wrong('num_attention_heads', `is ${heads}, no multiple of ${kvHeads} key/value heads`)
  const headDim = read.count('head_dim', dim / heads)
  if (headDim % 2 !== 0) throw read.wrong('head_dim', `is ${headDim}, but rotary embeddings need an even number`)
  const layers = read.count('num_hidden_layers')
  if (layers > tensors.size)
    throw read.wrong('num_hidden_layers', `is ${layers}, but there are only ${tensors.size} tensors`)
  const config: ModelConfig = {
    dim,
    layers,
    heads,
    kvHeads,
    headDim,
    ffnHidden: read.count('intermediate_size'),
    vocabSize: read.count('vocab_size'),
    maxLength: read.count('max_position_embeddings', 2048),
    feedForwards: Array.from({ length: layers }, () => 'dense'),
    ropeTheta: ropeParameters(read)?.positive('rope_theta', 10_000) ?? read.positive('rope_theta', 10_000),
    normEps: read.positive('rms_norm_eps', 1e-6),
    crossDocumentMask: read.flag('cross_document_mask', false),
  }
  const tied = read.flag('tie_word_embeddings', false)
  const originOf = (name: string): Origin => {
    if (tied && name === 'lm_head.weight') return { from: 'model.embed_tokens.weight' }
    return turns(name) ? { from: name, heads: { headDim, to: 'interleaved' } } : { from: name }
  }
  const isIgnored = (name: string): boolean => isRedundant(name) || (tied && name === 'lm_head.weight')
  return { config, mapping: findOrigins(config, tensors, originOf, isIgnored) }
}

/** Newer files keep what turns the rotary embedding in an object. */
function ropeParameters(read: ConfigReader): ConfigReader | undefined {
  const parameters = read.object('rope_parameters')
  return parameters && readConfig('config.json: rope_parameters', parameters)
}

function refuseVariants(read: ConfigReader): void {
  if (!read.names('architectures')?.includes(ARCHITECTURE)) {
    throw new StemkitError(
      'unsupported',
      `config.json: architectures does not list ${ARCHITECTURE}, the only one that can be imported`,
    )
  }
  const scaling = read.object('rope_scaling')
  if (scaling !== undefined && (scaling['rope_type'] ?? scaling['type']) !== 'default') {
    throw new StemkitError(
      'unsupported',
      'config.json: rope_scaling is set, but only the plain rotary embedding is supported',
    )
  }
  ropeParameters(read)?.only('rope_type', ['default'], 'only the plain rotary embedding is supported')
  read.only('hidden_act', ['silu', 'swish'], 'only silu is built in')
  read.only('attention_bias', [false], 'there are no biases here')
  read.only('mlp_bias', [false], 'there are no biases here')
  read.only('partial_rotary_factor', [1], 'all channels of a head turn here')
  read.only('sliding_window', [], 'attention sees the whole sequence here')
  if (read.object('quantization_config')) {
    throw new StemkitError(
      'unsupported',
      'config.json: quantization_config is set; give the weights before quantisation',
    )
  }
}

const TORCH_DTYPES: Partial<Record<Dtype, string>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
}

/**
 * The Hugging Face layout of a dense model.
 * @throws unsupported for a model with layers that are not dense; bad-input for weights that do not fit the config
 */
export function exportHuggingFace(config: ModelConfig, tensors: ReadonlyMap<string, TensorInfo>): Exported {
  const others = layersOutside(config, ['dense'])
  if (others.length > 0) {
    const kinds = [...new Set(others.map((layer) => config.feedForwards[layer]))].join(' and ')
    const why = `${showLayers(others)} of this model are ${kinds}, for which a Hugging Face Llama model has no place`
    throw new StemkitError('unsupported', `${why}; only dense models can be exported there`)
  }
  checkWeights(config, tensors)
  const heads = { headDim: config.headDim, to: 'halves' } as const
  const names = [...weightShapes(config).keys()]
  return {
    json: {
      architectures: [ARCHITECTURE],
      model_type: 'llama',
      hidden_size: config.dim,
      num_hidden_layers: config.layers,
      num_attention_heads: config.heads,
      num_key_value_heads: config.kvHeads,
      head_dim: config.headDim,
      intermediate_size: config.ffnHidden,
      vocab_size: config.vocabSize,
      max_position_embeddings: config.maxLength,
      rope_theta: config.ropeTheta,
      rope_scaling: null,
      rms_norm_eps: config.normEps,
      hidden_act: 'silu',
      attention_bias: false,
      mlp_bias: false,
      tie_word_embeddings: false,
      // The tokenizer says which these are; the defaults of the class would be wrong for most.
      bos_token_id: null,
      eos_token_id: null,
      torch_dtype: TORCH_DTYPES[tensors.get('model.embed_tokens.weight')!.dtype],
      cross_document_mask: config.crossDocumentMask,
    },
    mapping: new Map(names.map((name) => [name, turns(name) ? { from: name, heads } : { from: name }])),
  }
}
