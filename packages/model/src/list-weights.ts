import type { ModelConfig } from '@stemkit/spec/model-config'
import { feedForwardDefinition, type CustomFeedForwards } from './feed-forward.ts'
import type { WeightSpec } from './weights.ts'

/**
 * Every weight of a model by name, in the order of the forward pass, with its full shape (tables: all V rows).
 * @throws not-found for a kind of feed-forward that is neither built in nor in `custom`
 */
export function listWeights(config: ModelConfig, custom?: CustomFeedForwards): Map<string, WeightSpec> {
  const { dim, heads, kvHeads, headDim, vocabSize } = config
  const gain: WeightSpec = { shape: [dim], role: 'gain' }
  const embedding: WeightSpec = { shape: [vocabSize, dim], role: 'matrix' }
  const projection = (out: number, input: number): WeightSpec => ({
    shape: [out, input],
    role: 'matrix',
    std: dim ** -0.5,
  })

  const specs = new Map<string, WeightSpec>([['model.embed_tokens.weight', embedding]])
  config.feedForwards.forEach((kind, layer) => {
    const at = `model.layers.${layer}`
    specs.set(`${at}.input_layernorm.weight`, gain)
    specs.set(`${at}.self_attn.q_proj.weight`, projection(heads * headDim, dim))
    specs.set(`${at}.self_attn.k_proj.weight`, projection(kvHeads * headDim, dim))
    specs.set(`${at}.self_attn.v_proj.weight`, projection(kvHeads * headDim, dim))
    specs.set(`${at}.self_attn.o_proj.weight`, projection(dim, heads * headDim))
    specs.set(`${at}.post_attention_layernorm.weight`, gain)
    const own = feedForwardDefinition(kind, custom).weights(config, layer)
    for (const [name, spec] of Object.entries(own)) specs.set(`${at}.mlp.${name}`, spec)
  })
  return specs.set('model.norm.weight', gain).set('lm_head.weight', embedding)
}
