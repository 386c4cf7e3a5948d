import type { ModelConfig } from '@stemkit/spec/model-config'
import { describe, expect, test } from 'vitest'
import { mapTensors } from '../mapping.ts'
import { memorySource, readAll, type Tensor, type TensorInfo } from '../tensor.ts'
import { numberedWeights, smallConfig } from '../testing/models.ts'
import { exportOfficial, importOfficial } from './official.ts'

const dense = smallConfig()
const stem = smallConfig({ feedForwards: ['stem', 'dense', 'stem'] })
const apply = (tensors: ReadonlyMap<string, Tensor>, { mapping }: Pick<ReturnType<typeof importOfficial>, 'mapping'>) =>
  readAll(mapTensors(memorySource(tensors), mapping))

/** The names and shapes of an exported model. */
const there = (config: ModelConfig): Map<string, TensorInfo> =>
  new Map(mapTensors(memorySource(numberedWeights(config)), exportOfficial(config).mapping).tensors)

const model = (config: ModelConfig, changes: Record<string, unknown> = {}) => ({
  model: { ...(exportOfficial(config).json['model'] as Record<string, unknown>), ...changes },
})

/** The width that the published feed-forward gives itself. */
const publishedWidth = (json: Record<string, unknown>): number => {
  const { dim, multiple_of: multiple, ffn_dim_multiplier: multiplier } = json as Record<string, number>
  let hidden = Math.trunc((2 * 4 * dim!) / 3)
  if (multiplier !== null) hidden = Math.trunc(multiplier! * hidden)
  return multiple! * Math.floor((hidden + multiple! - 1) / multiple!)
}

describe('the layout of the published code', () => {
  test.each([
    ['dense', dense],
    ['STEM', stem],
  ])('%s: there and back gives the same config and, bit for bit, the same weights', async (_, config) => {
    const weights = numberedWeights(config)
    const out = exportOfficial(config)
    const state = await apply(weights, out)
    const back = importOfficial(JSON.parse(JSON.stringify(out.json)), state)
    expect(back.config).toEqual(config)
    expect(await apply(state, back)).toEqual(weights)
  })

  test('a STEM model has its backbone in lm_transformer, and its tables in a list', () => {
    const names = [...there(stem).keys()]
    expect(names.filter((name) => !name.startsWith('lm_transformer.'))).toEqual([
      'stem_embeddings.0.weight',
      'stem_embeddings.1.weight',
    ])
    expect(names.filter((name) => name.includes('layers.0.'))).toEqual(
      [
        'attention_norm',
        'attention.wq',
        'attention.wk',
        'attention.wv',
        'attention.wo',
        'ffn_norm',
        'feed_forward.w1',
        'feed_forward.w2',
      ].map((part) => `lm_transformer.layers.0.${part}.weight`),
    )
    expect(names).toContain('lm_transformer.layers.1.feed_forward.w3.weight')
    expect(names.slice(-2)).toEqual(['lm_transformer.norm.weight', 'lm_transformer.output.weight'])
  })

  test('a dense model has neither', () => {
    expect([...there(dense).keys()].slice(0, 3)).toEqual([
      'tok_embeddings.weight',
      'layers.0.attention_norm.weight',
      'layers.0.attention.wq.weight',
    ])
  })

  test.each([
    [2048, 5632],
    [64, 256],
    [64, 170],
    [64, 200],
    [64, 96],
    [1024, 1000],
    [33, 1],
    [4096, 14336],
  ])('the parameters give the width: %i -> %i', (dim, ffnHidden) => {
    const { json } = exportOfficial(smallConfig({ dim, ffnHidden }))
    expect(publishedWidth(json['model'] as Record<string, unknown>)).toBe(ffnHidden)
  })

  test('a prefix before all names is accepted', async () => {
    const weights = numberedWeights(stem)
    const state = await apply(weights, exportOfficial(stem))
    const prefixed = new Map(Array.from(state, ([name, tensor]) => [`model.${name}`, tensor]))
    expect(await apply(prefixed, importOfficial(model(stem), prefixed))).toEqual(weights)
  })

  test('tables may have other names, and be listed in another order', async () => {
    const weights = numberedWeights(stem)
    const options = { tableName: 'tables.{layer}.weight' }
    const named = await apply(weights, exportOfficial(stem, options))
    expect(named.has('tables.2.weight')).toBe(true)
    expect(await apply(named, importOfficial(model(stem), named, options))).toEqual(weights)

    const state = await apply(weights, exportOfficial(stem))
    const back = await apply(state, importOfficial(model(stem, { stem_layers: [2, 0] }), state))
    expect(back.get('model.layers.2.mlp.stem_table.weight')).toEqual(state.get('stem_embeddings.0.weight'))
  })

  test('sizes come from the tensors; heads and constants from the parameters, or their published defaults', () => {
    expect(importOfficial({ n_heads: 4, n_kv_heads: 2 }, there(stem)).config).toEqual({
      ...stem,
      maxLength: 1024,
      ropeTheta: 10_000,
      normEps: 1e-5,
      crossDocumentMask: false,
    } satisfies ModelConfig)
  })

  test('a tied head becomes a tensor of its own', async () => {
    const state = await apply(numberedWeights(dense), exportOfficial(dense))
    state.delete('output.weight')
    const back = await apply(state, importOfficial(model(dense, { weight_tying: true }), state))
    expect(back.get('lm_head.weight')).toEqual(back.get('model.embed_tokens.weight'))
  })

  test.each([
    ['no heads', { n_heads: undefined, head_dim: undefined }, 'params.json: n_heads is missing, and so is head_dim'],
    ['another width', { dim: 32 }, 'params.json: dim is 32, but the tensors say 16'],
    ['other STEM layers', { stem_layers: [1] }, 'stem_layers is [1], but the layers without w3 are [0, 2]'],
    ['a layer that is not there', { stem_layers: [0, 3] }, 'stem_layers has 3 at place 1'],
    ['a sliding window', { sliding_window: 128 }, 'sliding_window is 128'],
    ['other heads', { n_kv_heads: 4 }, 'lm_transformer.layers.0.attention.wk.weight is [8, 16] instead of [16, 16]'],
  ])('%s: refused', (_, change, message) => {
    expect(() => importOfficial(model(stem, change), there(stem))).toThrow(message)
  })

  test('tables that are missing, or one shard of them, are named as they are called there', () => {
    const state = there(stem)
    state.set('stem_embeddings.1.weight', { dtype: 'F32', shape: [40, 6] })
    expect(() => importOfficial(model(stem), state)).toThrow('stem_embeddings.1.weight is [40, 6] instead of [40, 24]')
    state.delete('stem_embeddings.0.weight')
    expect(() => importOfficial(model(stem), state)).toThrow('stem_embeddings.0.weight [40, 24] is missing')
    expect(() => importOfficial(model(stem), new Map())).toThrow("no tensor is called 'tok_embeddings.weight'")
  })

  test('has no place for mixtures', () => {
    expect(() => exportOfficial(smallConfig({ feedForwards: ['dense', 'hash_moe', 'dense'], experts: 2 }))).toThrow(
      'layer 1 of this model are hash_moe, which the published code does not have',
    )
  })
})
