import { listWeights, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { GgufType } from './encode-weights.ts'
import { writeGguf, type GgufTensor, type GgufValue } from './write-gguf.ts'

const FILE_TYPES: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 }

const OUTSIDE: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}
const IN_LAYER: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

/**
 * Writes a dense model as a GGUF file of the llama architecture, all matrices in `type` (the embedding and the head too)
 * and norms in f32, with a vocabulary of made-up tokens.
 * @param weight gives a weight when its turn has come
 * @throws unsupported for a model with layers other than dense ones
 */
export async function writeLlamaModel(
  path: string,
  config: ModelConfig,
  type: GgufType,
  weight: (name: string) => Float32Array,
): Promise<void> {
  const other = config.feedForwards.find((kind) => kind !== 'dense')
  if (other) throw new StemkitError('unsupported', `GGUF: the llama architecture has no '${other}' layers`)
  const tensors = [...listWeights(config)].map(([name, { shape, role }]): GgufTensor => ({
    name: ggufName(name),
    shape,
    type: role === 'gain' ? 'F32' : type,
    values: () => weight(name),
  }))
  await writeGguf(path, { ...architecture(config, type), ...vocabulary(config.vocabSize) }, tensors)
}

function ggufName(name: string): string {
  const [, layer, part = ''] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name) ?? []
  return OUTSIDE[name] ?? `blk.${layer}.${IN_LAYER[part]!}.weight`
}

function architecture(config: ModelConfig, type: GgufType): Record<string, GgufValue> {
  return {
    'general.architecture': 'llama',
    'general.name': 'dense twin',
    'general.file_type': FILE_TYPES[type],
    'llama.vocab_size': config.vocabSize,
    'llama.context_length': config.maxLength,
    'llama.embedding_length': config.dim,
    'llama.block_count': config.layers,
    'llama.feed_forward_length': config.ffnHidden,
    'llama.attention.head_count': config.heads,
    'llama.attention.head_count_kv': config.kvHeads,
    'llama.attention.layer_norm_rms_epsilon': { float32: config.normEps },
    'llama.rope.dimension_count': config.headDim,
    'llama.rope.freq_base': { float32: config.ropeTheta },
  }
}

/** Three special tokens, the bytes, and numbered words, as a SentencePiece vocabulary has; as far as there is room. */
function vocabulary(size: number): Record<string, GgufValue> {
  const [normal, unknown, control, byte] = [1, 2, 3, 6]
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const fixed = ['<unk>', '<s>', '</s>', ...bytes]
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': Array.from({ length: size }, (_, id) => fixed[id] ?? `\u2581word${id}`),
    'tokenizer.ggml.scores': Float32Array.from({ length: size }, (_, id) => -id),
    'tokenizer.ggml.token_type': Int32Array.from({ length: size }, (_, id) =>
      id === 0 ? unknown : id < 3 ? control : id < fixed.length ? byte : normal,
    ),
    'tokenizer.ggml.bos_token_id': 1,
    'tokenizer.ggml.eos_token_id': 2,
    'tokenizer.ggml.unknown_token_id': 0,
  }
}
