/**
 * The decoder: what nanoGPT's model.py is to GPT-2, this file is to STEM. All functions are pure, over tfjs tensors;
 * gradients come from tfjs. N = B * T positions; d = config.dim.
 */
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { add, attention, causalMask, documentMask, gatherRows, linear } from '@stemkit/tensor'
import { reshape, rmsNorm, rope, ropeTables, tidy, withScope } from '@stemkit/tensor'
import type { RopeTables, Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@stemkit/tensor'
import type { FeedForward } from './feed-forward.ts'
import { readWeights, type Weights } from './weights.ts'

/**
 * What one layer's attention does between its projections: q [B, T, heads * headDim], k and v [B, T, kvHeads * headDim] -> y
 * [B, T, heads * headDim]. `state` is what it leaves behind for a later call, such as keys and values, by names of its own.
 */
export type Attend = (
  layer: number,
  q: Tensor3D,
  k: Tensor3D,
  v: Tensor3D,
) => { readonly y: Tensor3D; readonly state?: Readonly<Record<string, Tensor>> }

/** What the attention of whole sequences needs. */
export interface SequenceInputs {
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

/** `attend` takes the place of rotary embedding and masked attention: with a cache, say, in which earlier positions are. */
export type TransformerInputs = SequenceInputs | { readonly ids: Tensor2D; readonly attend: Attend }

/** Final hidden states [N, d], the sum of what the feed-forwards want added to the loss, and the state of all attentions. */
export interface TransformerOutput {
  readonly hidden: Tensor2D
  readonly aux?: Scalar
  readonly state: Record<string, Tensor>
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
  if (feedForwards.length !== config.layers) {
    throw new StemkitError('bad-input', `${feedForwards.length} feed-forwards for ${config.layers} layers`)
  }
  const weight = readWeights(weights)

  return tidy(() => {
    const attend = 'attend' in inputs ? inputs.attend : attendToSequence(config, inputs)
    const normed = (x: Tensor2D, name: string): Tensor2D => rmsNorm(x, weight(name) as Tensor1D, config.normEps)

    let h = gatherRows(weight('model.embed_tokens.weight') as Tensor2D, reshape(inputs.ids, [B * T]))
    let aux: Scalar | undefined
    const state: Record<string, Tensor> = {}
    feedForwards.forEach((feedForward, layer) => {
      const at = `model.layers.${layer}`
      const mixed = withScope(`layers.${layer}.self_attn`, () => {
        const matrix = (name: string): Tensor2D => weight(`${at}.self_attn.${name}.weight`) as Tensor2D
        const x = normed(h, `${at}.input_layernorm.weight`)
        const project = (name: string): Tensor3D => reshape(linear(x, matrix(name)), [B, T, -1])
        const out = attend(layer, project('q_proj'), project('k_proj'), project('v_proj'))
        Object.assign(state, out.state)
        return linear(reshape(out.y, [B * T, config.heads * config.headDim]), matrix('o_proj'))
      })
      h = add(h, mixed)
      const out = withScope(`layers.${layer}.mlp`, () =>
        feedForward(normed(h, `${at}.post_attention_layernorm.weight`)),
      )
      h = add(h, out.y)
      if (out.aux !== undefined) aux = aux === undefined ? out.aux : add(aux, out.aux)
    })
    const hidden = normed(h, 'model.norm.weight')
    return aux === undefined ? { hidden, state } : { hidden, aux, state }
  })
}

/** hidden [N, d] -> logits [N, V]. */
export function logits(weights: Weights, hidden: Tensor2D): Tensor2D {
  return withScope('lm_head', () => linear(hidden, readWeights(weights)('lm_head.weight') as Tensor2D))
}

function makeMask(config: ModelConfig, { ids, documents }: SequenceInputs): Tensor4D {
  return config.crossDocumentMask && documents !== undefined ? documentMask(documents) : causalMask(ids.shape[1])
}

/** Rotary embedding and grouped-query attention of whole sequences. */
function attendToSequence(config: ModelConfig, inputs: SequenceInputs): Attend {
  const { heads, kvHeads, headDim, maxLength, ropeTheta } = config
  const T = inputs.ids.shape[1]
  if (T > maxLength) {
    throw new StemkitError('bad-input', `a sequence of ${T} tokens; the model takes at most ${maxLength}`)
  }
  const mask = inputs.mask ?? makeMask(config, inputs)
  const tables = inputs.rope ?? ropeTables(maxLength, headDim, ropeTheta)
  return (_, q, k, v) => {
    const turned = (x: Tensor3D, count: number): Tensor3D => rope(x, inputs.positions, tables, count)
    return { y: attention(turned(q, heads), turned(k, kvHeads), v, mask, { heads, kvHeads }) }
  }
}
