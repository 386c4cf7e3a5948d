import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { TensorLocation } from '../safetensors/header.ts'
import { elementCount, type Tensor } from '../tensor.ts'

/** Bytes of the header: seven 32-bit integers. */
export const LLAMA2C_HEADER_BYTES = 28

/** The first four bytes of the later versions of the format. */
const LATER_VERSIONS = 0x616b3432

export interface Llama2cLayout {
  readonly config: ModelConfig
  /** Our names; a shared classifier is at two of them. */
  readonly tensors: ReadonlyMap<string, TensorLocation>
}

const refuse = (problem: string): never => {
  throw new StemkitError('corrupt', `not a sound llama2.c checkpoint: ${problem}`)
}

/**
 * Finds the weights in a legacy llama2.c checkpoint of `fileBytes`. Layers are stacked by kind of weight, so each
 * weight is one run of bytes; rotary pairs are interleaved, as ours; the tables of cosines and sines are passed over.
 * @param start the first 28 bytes, or more
 * @throws corrupt if the sizes do not fit each other or the file; unsupported for the later versions of the format
 */
export function layoutLlama2c(start: Uint8Array, fileBytes: number): Llama2cLayout {
  if (start.byteLength < LLAMA2C_HEADER_BYTES) return refuse(`it has ${fileBytes} bytes, too few to be one`)
  const view = new DataView(start.buffer, start.byteOffset)
  if (view.getUint32(0, true) === LATER_VERSIONS) {
    throw new StemkitError(
      'unsupported',
      'this llama2.c checkpoint is of version 1 or later; export it with --version 0',
    )
  }
  const config = readHeader(view, fileBytes)
  const { dim, layers, heads, kvHeads, headDim, ffnHidden, vocabSize, maxLength } = config
  const tensors = new Map<string, TensorLocation>()
  let reached = LLAMA2C_HEADER_BYTES
  const take = (name: string, shape: number[]): void => {
    const begin = reached
    reached += 4 * elementCount(shape)
    tensors.set(name, { dtype: 'F32', shape, begin, end: reached })
  }
  const takeLayers = (name: string, shape: number[]): void => {
    for (let layer = 0; layer < layers; layer++) take(`model.layers.${layer}.${name}.weight`, shape)
  }

  take('model.embed_tokens.weight', [vocabSize, dim])
  takeLayers('input_layernorm', [dim])
  takeLayers('self_attn.q_proj', [heads * headDim, dim])
  takeLayers('self_attn.k_proj', [kvHeads * headDim, dim])
  takeLayers('self_attn.v_proj', [kvHeads * headDim, dim])
  takeLayers('self_attn.o_proj', [dim, heads * headDim])
  takeLayers('post_attention_layernorm', [dim])
  takeLayers('mlp.gate_proj', [ffnHidden, dim])
  takeLayers('mlp.down_proj', [dim, ffnHidden])
  takeLayers('mlp.up_proj', [ffnHidden, dim])
  take('model.norm.weight', [dim])
  // Cosines and sines, each [maxLength, headDim / 2].
  reached += 2 * 4 * maxLength * (headDim / 2)
  const shared = view.getInt32(5 * 4, true) > 0
  if (shared) tensors.set('lm_head.weight', tensors.get('model.embed_tokens.weight')!)
  else take('lm_head.weight', [vocabSize, dim])

  if (reached !== fileBytes) refuse(`its header asks for ${reached} bytes, but it has ${fileBytes}`)
  return { config, tensors }
}

function readHeader(view: DataView, fileBytes: number): ModelConfig {
  const [dim, ffnHidden, layers, heads, kvHeads, vocabSize, maxLength] = Array.from({ length: 7 }, (_, i) =>
    view.getInt32(4 * i, true),
  ) as [number, number, number, number, number, number, number]
  const sizes = {
    dim,
    hidden_dim: ffnHidden,
    n_layers: layers,
    n_heads: heads,
    n_kv_heads: kvHeads,
    vocab_size: Math.abs(vocabSize),
    seq_len: maxLength,
  }
  for (const [key, size] of Object.entries(sizes)) if (size < 1) refuse(`its ${key} is ${size}`)
  if (dim % (2 * heads) !== 0) refuse(`its dim, ${dim}, does not make ${heads} heads of even width`)
  if (heads % kvHeads !== 0) refuse(`its n_heads, ${heads}, is no multiple of n_kv_heads, ${kvHeads}`)
  // Before anything is made for each layer; every layer has at least two gains.
  if (8 * layers * dim > fileBytes)
    refuse(`its ${layers} layers of width ${dim} are more than its ${fileBytes} bytes hold`)
  return {
    dim,
    layers,
    heads,
    kvHeads,
    headDim: dim / heads,
    ffnHidden,
    vocabSize: Math.abs(vocabSize),
    maxLength,
    feedForwards: Array.from({ length: layers }, () => 'dense'),
    ropeTheta: 10_000,
    normEps: 1e-5,
    crossDocumentMask: false,
  }
}

/** A llama2.c checkpoint that is in memory; the tensors are views. Throws as `layoutLlama2c` does. */
export function parseLlama2c(bytes: Uint8Array): { config: ModelConfig; tensors: Map<string, Tensor> } {
  const { config, tensors } = layoutLlama2c(bytes, bytes.byteLength)
  const views = Array.from(tensors, ([name, { dtype, shape, begin, end }]): [string, Tensor] => [
    name,
    { dtype, shape, data: bytes.subarray(begin, end) },
  ])
  return { config, tensors: new Map(views) }
}
