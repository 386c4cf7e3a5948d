import { describe, expect, test } from 'vitest'
import { mapTensors } from '../mapping.ts'
import { memorySource, readAll, type Tensor } from '../tensor.ts'
import { infosOf, numberedWeights, smallConfig } from '../testing/models.ts'
import { exportHuggingFace, importHuggingFace } from './hugging-face.ts'

const config = smallConfig()
const apply = (
  tensors: ReadonlyMap<string, Tensor>,
  { mapping }: Pick<ReturnType<typeof importHuggingFace>, 'mapping'>,
) => readAll(mapTensors(memorySource(tensors), mapping))

const exported = (tensors = numberedWeights(config)) => exportHuggingFace(config, tensors)

describe('the Hugging Face layout', () => {
  test.each(['F32', 'BF16'] as const)(
    'there and back gives the same config and, bit for bit, the same %s weights',
    async (dtype) => {
      const weights = numberedWeights(config, dtype)
      const out = exported(weights)
      const there = await apply(weights, out)
      const back = importHuggingFace(JSON.parse(JSON.stringify(out.json)), there)
      expect(back.config).toEqual(config)
      expect(await apply(there, back)).toEqual(weights)
      expect(out.json['torch_dtype']).toBe(dtype === 'F32' ? 'float32' : 'bfloat16')
    },
  )

  test('moves the rows of q and k, and nothing else', async () => {
    const weights = numberedWeights(config)
    const there = await apply(weights, exported(weights))
    const moved = [...there].flatMap(([name, { data }]) =>
      Buffer.compare(data, weights.get(name)!.data) === 0 ? [] : [name],
    )
    expect(moved).toEqual(
      [0, 1, 2].flatMap((layer) => ['q', 'k'].map((part) => `model.layers.${layer}.self_attn.${part}_proj.weight`)),
    )
  })

  test('a tied head becomes a tensor of its own', async () => {
    const weights = numberedWeights(config)
    const there = await apply(weights, exported(weights))
    there.delete('lm_head.weight')
    const json = { ...exported().json, tie_word_embeddings: true }
    const back = await apply(there, importHuggingFace(json, there))
    expect(back.get('lm_head.weight')).toEqual(weights.get('model.embed_tokens.weight'))
  })

  test('what old checkpoints carry besides is passed over', () => {
    const tensors = infosOf(numberedWeights(config))
    tensors.set('model.layers.0.self_attn.rotary_emb.inv_freq', { dtype: 'F32', shape: [2] })
    expect(importHuggingFace(exported().json, tensors).mapping.size).toBe(30)
  })

  test('the base of the rotary embedding is read where newer files keep it', () => {
    const json = { ...exported().json, rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 7 } }
    expect(importHuggingFace(json, infosOf(numberedWeights(config))).config.ropeTheta).toBe(7)
  })

  test('keys that are left out have the defaults of that library', () => {
    const json = {
      ...exported().json,
      rope_theta: undefined,
      rms_norm_eps: undefined,
      max_position_embeddings: undefined,
    }
    expect(importHuggingFace(json, infosOf(numberedWeights(config))).config).toMatchObject({
      ropeTheta: 10_000,
      normEps: 1e-6,
      maxLength: 2048,
    })
  })

  test.each([
    ['another architecture', { architectures: ['MistralForCausalLM'] }, 'architectures does not list LlamaForCausalLM'],
    ['scaled rotary embeddings', { rope_scaling: { rope_type: 'llama3', factor: 8 } }, 'rope_scaling is set'],
    ['the same in newer files', { rope_parameters: { rope_type: 'yarn' } }, 'rope_parameters: rope_type is "yarn"'],
    ['attention biases', { attention_bias: true }, 'attention_bias is true, but there are no biases here'],
    ['other biases', { mlp_bias: true }, 'mlp_bias is true, but there are no biases here'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act is "gelu", but only silu is built in'],
    ['a sliding window', { sliding_window: 4096 }, 'sliding_window is 4096'],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantization_config is set'],
    ['half a rotary embedding', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor is 0.5'],
    [
      'absurdly many layers',
      { num_hidden_layers: 1e12 },
      'num_hidden_layers is 1000000000000, but there are only 30 tensors',
    ],
    ['another width', { intermediate_size: 32 }, 'gate_proj.weight is [24, 16] instead of [32, 16]'],
    ['a missing key', { hidden_size: undefined }, 'hidden_size is missing'],
  ])('%s: refused', (_, change, message) => {
    expect(() => importHuggingFace({ ...exported().json, ...change }, infosOf(numberedWeights(config)))).toThrow(
      message,
    )
  })

  test('has no place for STEM layers or mixtures', () => {
    const stem = smallConfig({ feedForwards: ['dense', 'stem', 'stem'] })
    expect(() => exportHuggingFace(stem, numberedWeights(stem))).toThrow(
      'layers 1, 2 of this model are stem, for which a Hugging Face Llama model has no place; only dense models can be exported there',
    )
  })
})
