import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { checkModelConfig, createModelConfig, ffnWidth, presets, type ModelOptions } from './index.ts'

describe('the width rule', () => {
  test.each([
    [32, {}, 256],
    [1024, {}, 2816],
    [2048, {}, 5632],
    [2048, { multiplier: 1.5 }, 8192],
    [960, {}, 2560],
    [512, { multipleOf: 64 }, 1408],
  ])('gives %d with %j -> %d', (dim, options, width) => {
    expect(ffnWidth(dim, options)).toBe(width)
  })
})

describe('a model config', () => {
  test('needs no more than the size of the vocabulary', () => {
    expect(createModelConfig({ vocabSize: 100 })).toEqual({
      dim: 512,
      layers: 8,
      heads: 8,
      kvHeads: 8,
      headDim: 64,
      ffnHidden: 1536,
      vocabSize: 100,
      maxLength: 1024,
      feedForwards: Array(8).fill('dense'),
      ropeTheta: 10_000,
      normEps: 1e-5,
      crossDocumentMask: true,
    })
  })

  test('puts a kind at a placement, or takes a kind per layer', () => {
    const base = { vocabSize: 9, dim: 64, layers: 4 }
    const half = createModelConfig({ ...base, kind: 'stem', placement: 'half' }).feedForwards
    expect(half).toEqual(['dense', 'stem', 'dense', 'stem'])
    const mixed = ['mine', 'stem', 'dense', 'stem']
    expect(createModelConfig({ ...base, feedForwards: mixed }).feedForwards).toEqual(mixed)
  })

  test('is made from every preset', () => {
    for (const preset of Object.values(presets)) {
      expect(createModelConfig({ vocabSize: 8192, ...preset }).feedForwards).toContain('stem')
    }
  })

  const refused: [string, Partial<ModelOptions>, string][] = [
    ['a missing vocabulary', { vocabSize: undefined as unknown as number }, 'vocabSize is missing'],
    ['an unknown key', { dimm: 64 } as Partial<ModelOptions>, 'dimm is not a key'],
    ['a fraction', { dim: 64.5 }, 'dim is 64.5'],
    ['no layers', { layers: 0 }, 'layers is 0'],
    ['heads that share no key/value heads evenly', { heads: 4, kvHeads: 3 }, 'heads (4) is no multiple of kvHeads (3)'],
    ['an odd head width', { dim: 60, heads: 4 }, 'headDim is 15'],
    ['heads that do not divide the width', { dim: 64, heads: 3 }, 'headDim is 21.3'],
    ['a negative multiplier', { ffnDimMultiplier: -1 }, 'ffnDimMultiplier is -1'],
    ['a zero epsilon', { normEps: 0 }, 'normEps is 0'],
    ['too few feed-forwards', { feedForwards: ['dense'] }, 'feedForwards has 1 entries for 8 layers'],
    ['two ways to say one thing', { feedForwards: ['dense'], kind: 'stem' }, 'leave out kind and placement'],
    ['experts unsaid', { kind: 'hash_moe' }, 'experts is missing'],
    ['a short expert table', { kind: 'hash_moe', experts: 2, expertOfToken: [0] }, 'expertOfToken has 1 entries'],
    ['a stray expert', { vocabSize: 2, experts: 2, expertOfToken: [0, 2] }, 'sends token 1 to 2 of 2 experts'],
  ]
  test.each(refused)('refuses %s', (_, options, message) => {
    const make = (): unknown => createModelConfig({ vocabSize: 100, ...options })
    expect(make).toThrow(message)
    expect(make).toThrow(StemkitError)
  })

  test('read from elsewhere is checked as well', () => {
    const config = createModelConfig({ vocabSize: 100 })
    expect(checkModelConfig(config)).toBe(config)
    expect(() => checkModelConfig({ ...config, maxLength: NaN })).toThrow('maxLength is NaN')
  })
})
