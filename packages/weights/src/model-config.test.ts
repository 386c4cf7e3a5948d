import { readFileSync } from 'node:fs'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseModelConfig, serializeModelConfig } from './model-config.ts'
import { oracleFolder } from './testing/folders.ts'
import { smallConfig } from './testing/models.ts'

const oracleJson = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(`${oracleFolder(name)}/config.json`, 'utf8')) as Record<string, unknown>

const base = { dim: 32, n_layers: 3, n_heads: 4, ffn_hidden: 96, vocab_size: 97 }

const size = fc.integer({ min: 1, max: 64 })
const anyConfig: fc.Arbitrary<ModelConfig> = fc
  .record({
    dim: size,
    kvHeads: size,
    group: size,
    halfHead: size,
    ffnHidden: size,
    vocabSize: fc.integer({ min: 1, max: 20 }),
    maxLength: size,
    feedForwards: fc.array(fc.constantFrom('dense', 'stem', 'hash_moe', 'mine'), { minLength: 1, maxLength: 6 }),
    experts: size,
    listed: fc.boolean(),
    ropeTheta: fc.double({ min: 1, max: 1e6, noNaN: true }),
    normEps: fc.double({ min: 1e-9, max: 1, noNaN: true }),
    crossDocumentMask: fc.boolean(),
  })
  .map(({ group, halfHead, experts, listed, ...rest }) => ({
    ...rest,
    layers: rest.feedForwards.length,
    heads: rest.kvHeads * group,
    headDim: 2 * halfHead,
    ...(rest.feedForwards.includes('hash_moe') && {
      experts,
      ...(listed && { expertOfToken: Array.from({ length: rest.vocabSize }, (_, id) => (id * 7) % experts) }),
    }),
  }))

describe('a config.json', () => {
  test('of the reference cases', () => {
    expect(parseModelConfig(oracleJson('gqa-stem'))).toMatchObject({
      dim: 64,
      heads: 8,
      kvHeads: 2,
      headDim: 8,
      maxLength: 2048,
    })
    expect(parseModelConfig(oracleJson('stem-half'))).toEqual({
      dim: 32,
      layers: 4,
      heads: 4,
      kvHeads: 4,
      headDim: 8,
      ffnHidden: 96,
      vocabSize: 101,
      maxLength: 2048,
      feedForwards: ['dense', 'stem', 'dense', 'stem'],
      ropeTheta: 10000,
      normEps: 1e-5,
      crossDocumentMask: false,
    })
    const moe = parseModelConfig(oracleJson('hash-moe'))
    expect(moe.experts).toBe(4)
    expect(moe.expertOfToken?.slice(0, 6)).toEqual([0, 1, 2, 3, 0, 1])
    expect(parseModelConfig(oracleJson('stem-full-docmask')).crossDocumentMask).toBe(true)
  })

  test('written and read again is the same config', () => {
    fc.assert(
      fc.property(anyConfig, (config) => {
        expect(parseModelConfig(JSON.parse(JSON.stringify(serializeModelConfig(config))))).toEqual(config)
      }),
    )
  })

  test('has the layout of the reference cases, and says whose it is', () => {
    const {
      stem_layers: stem,
      model_kind: kind,
      ...written
    } = serializeModelConfig(smallConfig({ feedForwards: ['dense', 'stem', 'stem'] }))
    expect([written['format'], kind, stem, written['n_experts']]).toEqual(['stemkit', 'stem', [1, 2], 0])
    const known = new Set([...Object.keys(oracleJson('dense')), 'format', 'max_length'])
    expect(Object.keys(written).filter((key) => !known.has(key))).toEqual([])
    expect(serializeModelConfig(smallConfig({ feedForwards: ['mine', 'stem', 'dense'] }))['model_kind']).toBe('mixed')
  })

  test('may leave out what has a default, and have what does not matter here', () => {
    expect(parseModelConfig({ ...base, notes: 'mine', n_kv_heads: null })).toEqual({
      dim: 32,
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDim: 8,
      ffnHidden: 96,
      vocabSize: 97,
      maxLength: 2048,
      feedForwards: ['dense', 'dense', 'dense'],
      ropeTheta: 10000,
      normEps: 1e-5,
      crossDocumentMask: false,
    })
    expect(parseModelConfig({ ...base, stem_layers: [1], moe_layers: [2], n_experts: 2 }).feedForwards).toEqual([
      'dense',
      'stem',
      'hash_moe',
    ])
  })

  test("may name a user's own feed-forward", () => {
    const kinds = ['dense', 'product-keys', 'dense']
    expect(parseModelConfig({ ...base, ffn_kind_per_layer: kinds }).feedForwards).toEqual(kinds)
  })

  test.each([
    ['no object', [], 'config.json is not a JSON object'],
    ['a missing key', { ...base, dim: undefined }, 'config.json: dim is missing'],
    ['text for a number', { ...base, dim: '32' }, 'config.json: dim is "32", but must be a positive whole number'],
    ['a fraction', { ...base, n_layers: 2.5 }, 'n_layers is 2.5, but must be a positive whole number'],
    ['zero', { ...base, vocab_size: 0 }, 'vocab_size is 0, but must be a positive whole number'],
    ['a negative length', { ...base, max_length: -1 }, 'max_length is -1, but must be a positive whole number'],
    [
      'absurdly many layers',
      { ...base, n_layers: 1e15 },
      'n_layers is 1000000000000000; more than 10000 are not supported',
    ],
    ['heads that do not share', { ...base, n_kv_heads: 3 }, 'n_heads is 4, which is no multiple of n_kv_heads, 3'],
    ['a width that makes no heads', { ...base, dim: 30 }, 'dim is 30, which is no multiple of n_heads, 4'],
    ['odd heads', { ...base, head_dim: 5 }, 'head_dim is 5, but rotary embeddings need an even number'],
    ['too few kinds', { ...base, ffn_kind_per_layer: ['dense'] }, 'ffn_kind_per_layer has 1 entries for 3 layers'],
    [
      'a kind that is no name',
      { ...base, ffn_kind_per_layer: ['dense', 1, 'dense'] },
      'ffn_kind_per_layer has 1 at place 1, but must be a list of names',
    ],
    [
      'lists that disagree',
      { ...base, ffn_kind_per_layer: ['dense', 'stem', 'dense'], stem_layers: [2] },
      'stem_layers contradicts ffn_kind_per_layer, which has stem in layer 1',
    ],
    [
      'a layer that is two things',
      { ...base, stem_layers: [1], moe_layers: [1], n_experts: 2 },
      'moe_layers has 1, which is also in stem_layers',
    ],
    [
      'a layer that is not there',
      { ...base, stem_layers: [3] },
      'stem_layers has 3 at place 0, but must be a list of whole numbers from 0 to 2',
    ],
    ['experts nobody counted', { ...base, moe_layers: [1] }, 'n_experts is missing'],
    [
      'absurdly many experts',
      { ...base, moe_layers: [1], n_experts: 1e9 },
      'n_experts is 1000000000 in 1 layers; more than 1000000 in all',
    ],
    [
      'an expert that is not there',
      { ...base, moe_layers: [1], n_experts: 2, expert_of_token: [0, 2] },
      'expert_of_token has 2 at place 1',
    ],
    [
      'experts for too few tokens',
      { ...base, moe_layers: [1], n_experts: 2, expert_of_token: [0, 1] },
      'expert_of_token has 2 entries for a vocabulary of 97',
    ],
    ['no epsilon', { ...base, norm_eps: 0 }, 'norm_eps is 0, but must be a positive number'],
    [
      'a mask that is no flag',
      { ...base, cross_document_mask: 1 },
      'cross_document_mask is 1, but must be true or false',
    ],
    [
      'another rotary pairing',
      { ...base, rope_style: 'halves' },
      'rope_style is "halves", but weights are kept with interleaved rotary pairs',
    ],
    ['another activation', { ...base, activation: 'gelu' }, 'activation is "gelu", but only silu is built in'],
    ['tied embeddings', { ...base, tie_word_embeddings: true }, 'tie_word_embeddings is true'],
    ['biases', { ...base, mlp_bias: true }, 'mlp_bias is true, but there are no biases'],
    ['another format', { ...base, format: 'other' }, 'format is "other", but it must be "stemkit"'],
    [
      'the Hugging Face layout',
      { num_hidden_layers: 2 },
      'this config.json is in the Hugging Face layout; import it with',
    ],
  ])('is refused with %s', (_, json, message) => {
    expect(() => parseModelConfig(json)).toThrow(message)
  })

  test('of any JSON is a config or an error of ours', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.nat({ max: 8 }),
      fc.array(fc.nat({ max: 4 })),
      fc.constantFrom('stem', 'dense'),
    )
    const keys = fc.constantFrom(...Object.keys(oracleJson('hash-moe')), 'max_length', 'format')
    fc.assert(
      fc.property(fc.dictionary(keys, value), (changes) => {
        try {
          parseModelConfig({ ...base, ...changes })
        } catch (error) {
          expect(StemkitError.isInstance(error), String(error)).toBe(true)
        }
      }),
    )
  })
})
