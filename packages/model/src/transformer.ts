/**
 * The decoder: what nanoGPT's model.py is to GPT-2, this file is to STEM. All functions are pure, over tfjs tensors;
 * gradients come from tfjs. N = B * T positions; d = config.dim.
 */
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { add, attention, causalMask, documentMask, gatherRows, linear } from '@stemkit/tensor'
import { reshape, rmsNorm, rope, ropeTables, tidy, withScope } from '@stemkit/tensor'
import type { RopeTables, Scalar, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@stemkit/tensor'
import type { FeedForward } from './feed-forward.ts'
import { readWeights, type Weights } from './weights.ts'

export interface TransformerInputs {
  /** Token ids, int32 [B, T]. */
  readonly ids: Tensor2D
  /** What the rotary embedding sees, int32 [B, T], below config.maxLength. */
  readonly positions: Tensor2D
  /** Document of each position, int32 [B, T]; used if config.crossDocumentMask. Default: each sequence is one document. */
  readonly documents?: Tensor2D
  /** Added to the attention scores [1 or B, 1, T, T]. Default: causal, within documents if there are any. */
  readonly mask?: Tensor4D
  /** Default: made here, from the config. */
  readonly rope?: RopeTables
}

/** Final hidden states [N, d], and the sum of what the feed-forwards want added to the loss. */
export interface TransformerOutput {
  readonly hidden: Tensor2D
  readonly aux?: Scalar
}

/**
 * Embedding, blocks, final norm. `feedForwards` has one function per layer (`buildFeedForwards`), and that is all in which
 * a dense, a STEM and a mixture-of-experts model differ. The result goes into `logits` or, in training, into the loss.
 * @throws bad-input for a sequence longer than config.maxLength or shapes that do not fit; not-found for a missing weight
 */
export function transformer(
  config: ModelConfig,
  weights: Weights,
  inputs: TransformerInputs,
  feedForwards: readonly FeedForward[],
): TransformerOutput {
  const [B, T] = inputs.ids.shape
  if (T > config.maxLength) {
    throw new StemkitError('bad-input', `a sequence of ${T} tokens; the model takes at most ${config.maxLength}`)
  }
  if (feedForwards.length !== config.layers) {
    throw new StemkitError('bad-input', `${feedForwards.length} feed-forwards for ${config.layers} layers`)
  }
  const weight = readWeights(weights)

  return tidy(() => {
    const mask = inputs.mask ?? makeMask(config, inputs)
    const tables = inputs.rope ?? ropeTables(config.maxLength, config.headDim, config.ropeTheta)
    const normed = (x: Tensor2D, name: string): Tensor2D => rmsNorm(x, weight(name) as Tensor1D, config.normEps)

    let h = gatherRows(weight('model.embed_tokens.weight') as Tensor2D, reshape(inputs.ids, [B * T]))
    let aux: Scalar | undefined
    feedForwards.forEach((feedForward, layer) => {
      const at = `model.layers.${layer}`
      const mixed = withScope(`layers.${layer}.self_attn`, () => {
        const matrix = (name: string): Tensor2D => weight(`${at}.self_attn.${name}.weight`) as Tensor2D
        const x = normed(h, `${at}.input_layernorm.weight`)
        return selfAttention(config, matrix, x, { ...inputs, mask, rope: tables })
      })
      h = add(h, mixed)
      const out = withScope(`layers.${layer}.mlp`, () =>
        feedForward(normed(h, `${at}.post_attention_layernorm.weight`)),
      )
      h = add(h, out.y)
      if (out.aux !== undefined) aux = aux === undefined ? out.aux : add(aux, out.aux)
    })
    const hidden = normed(h, 'model.norm.weight')
    return aux === undefined ? { hidden } : { hidden, aux }
  })
}

/** hidden [N, d] -> logits [N, V]. */
export function logits(weights: Weights, hidden: Tensor2D): Tensor2D {
  return withScope('lm_head', () => linear(hidden, readWeights(weights)('lm_head.weight') as Tensor2D))
}

function makeMask(config: ModelConfig, { ids, documents }: TransformerInputs): Tensor4D {
  return config.crossDocumentMask && documents !== undefined ? documentMask(documents) : causalMask(ids.shape[1])
}

/** Grouped-query self-attention with rotary embeddings: x [N, d] -> [N, d]. */
function selfAttention(
  { heads, kvHeads, headDim }: ModelConfig,
  matrix: (name: string) => Tensor2D,
  x: Tensor2D,
  { ids, positions, mask, rope: tables }: Required<Omit<TransformerInputs, 'documents'>>,
): Tensor2D {
  const [B, T] = ids.shape
  const project = (name: string): Tensor3D => reshape(linear(x, matrix(name)), [B, T, -1])
  const q = rope(project('q_proj'), positions, tables, heads)
  const k = rope(project('k_proj'), positions, tables, kvHeads)
  const y = attention(q, k, project('v_proj'), mask, { heads, kvHeads })
  return linear(reshape(y, [B * T, heads * headDim]), matrix('o_proj'))
}
