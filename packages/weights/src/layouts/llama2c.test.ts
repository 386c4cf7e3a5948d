import { readFileSync } from 'node:fs'
import { StemkitError } from '@stemkit/spec/errors'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sharedData } from '../testing/folders.ts'
import { llama2cCheckpoint } from '../testing/llama2c.ts'
import { toFloat32 } from '../values.ts'
import { checkWeights } from '../weight-shapes.ts'
import { parseLlama2c } from './llama2c.ts'

// dim 4, hidden 3, 2 layers, 2 heads, 1 kv head, 5 tokens, length 7
const HEADER = [4, 3, 2, 2, 1, 5, 7]
const LAYER = 4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12
const NUMBERS = 20 + 2 * LAYER + 4 + 2 * 7
const first = (bytes: Uint8Array, name: string): number | undefined =>
  toFloat32(parseLlama2c(bytes).tensors.get(name)!)[0]

describe('a llama2.c checkpoint', () => {
  test('stacks each kind of weight over the layers', () => {
    const bytes = llama2cCheckpoint(HEADER, NUMBERS)
    const { config, tensors } = parseLlama2c(bytes)
    checkWeights(config, tensors)
    expect(config).toEqual({
      dim: 4,
      layers: 2,
      heads: 2,
      kvHeads: 1,
      headDim: 2,
      ffnHidden: 3,
      vocabSize: 5,
      maxLength: 7,
      feedForwards: ['dense', 'dense'],
      ropeTheta: 10_000,
      normEps: 1e-5,
      crossDocumentMask: false,
    })
    const place = (name: string): number | undefined => first(bytes, `model.${name}.weight`)
    expect([place('embed_tokens'), place('layers.0.input_layernorm'), place('layers.1.input_layernorm')]).toEqual([
      0, 20, 24,
    ])
    expect([place('layers.0.self_attn.q_proj'), place('layers.1.self_attn.q_proj')]).toEqual([28, 44])
    expect([place('layers.0.self_attn.k_proj'), place('layers.1.self_attn.v_proj')]).toEqual([60, 84])
    expect([place('layers.0.self_attn.o_proj'), place('layers.0.post_attention_layernorm')]).toEqual([92, 124])
    expect(['gate', 'down', 'up'].map((part) => place(`layers.0.mlp.${part}_proj`))).toEqual([132, 156, 180])
    expect(place('norm')).toBe(204)
  })

  test('shares its classifier with the embedding, or has one of its own after the cosines and sines', () => {
    expect(first(llama2cCheckpoint(HEADER, NUMBERS), 'lm_head.weight')).toBe(0)
    const own = llama2cCheckpoint(HEADER.with(5, -5), NUMBERS + 20)
    expect(first(own, 'lm_head.weight')).toBe(NUMBERS)
    expect(parseLlama2c(own).config.vocabSize).toBe(5)
  })

  test.each([
    ['nothing', new Uint8Array(0), 'it has 0 bytes, too few to be one'],
    ['a number too few', llama2cCheckpoint(HEADER, NUMBERS - 1), 'its header asks for 916 bytes, but it has 912'],
    ['a number too many', llama2cCheckpoint(HEADER, NUMBERS + 1), 'its header asks for 916 bytes, but it has 920'],
    ['a negative width', llama2cCheckpoint(HEADER.with(0, -4), NUMBERS), 'its dim is -4'],
    ['no layers', llama2cCheckpoint(HEADER.with(2, 0), NUMBERS), 'its n_layers is 0'],
    [
      'absurdly many layers',
      llama2cCheckpoint(HEADER.with(2, 2 ** 31 - 1), NUMBERS),
      'its 2147483647 layers of width 4 are more than',
    ],
    ['odd heads', llama2cCheckpoint(HEADER.with(3, 4), NUMBERS), 'its dim, 4, does not make 4 heads of even width'],
    [
      'heads that do not share',
      llama2cCheckpoint(HEADER.with(4, 3), NUMBERS),
      'its n_heads, 2, is no multiple of n_kv_heads, 3',
    ],
    [
      'a later version',
      llama2cCheckpoint([0x616b3432, 1, 0, 0, 0, 0, 0], 100),
      'is of version 1 or later; export it with --version 0',
    ],
  ])('is refused with %s', (_, bytes, message) => {
    expect(() => parseLlama2c(bytes)).toThrow(message)
  })

  test('with any header is read as views or refused in one line', () => {
    const size = fc.oneof(fc.nat({ max: 8 }), fc.integer())
    fc.assert(
      fc.property(fc.array(size, { minLength: 7, maxLength: 7 }), fc.nat({ max: 300 }), (header, numbers) => {
        try {
          parseLlama2c(llama2cCheckpoint(header, numbers))
        } catch (error) {
          expect(StemkitError.isInstance(error), String(error)).toBe(true)
        }
      }),
    )
  })

  const stories = sharedData('models/stories260K')
  test.skipIf(stories === undefined)('stories260K, where shared/data has it', () => {
    const { config, tensors } = parseLlama2c(new Uint8Array(readFileSync(`${stories}/stories260K.bin`)))
    expect(config).toMatchObject({
      dim: 64,
      layers: 5,
      heads: 8,
      kvHeads: 4,
      headDim: 8,
      ffnHidden: 172,
      vocabSize: 512,
      maxLength: 512,
    })
    checkWeights(config, tensors)
    // Gains of a trained model are near 1, and no weight is wild: what a wrong offset would show.
    const mean = (values: Float32Array): number => values.reduce((sum, x) => sum + Math.abs(x), 0) / values.length
    for (const [name, tensor] of tensors) {
      const size = mean(toFloat32(tensor))
      expect(size, name).toBeGreaterThan(name.includes('norm') ? 0.2 : 0.01)
      expect(size, name).toBeLessThan(name.includes('norm') ? 5 : 1)
    }
  })
})
