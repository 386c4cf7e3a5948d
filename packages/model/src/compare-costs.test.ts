import { describe, expect, test } from 'vitest'
import { compareCosts, createModelConfig, presets } from './index.ts'

const d = 32
const w = 64
const V = 1000
const base = { vocabSize: V, dim: d, heads: 2, layers: 3, ffnHidden: w }
const stem = createModelConfig({ ...base, kind: 'stem', placement: [1, 2] })

describe('dense, mixture and STEM side by side', () => {
  const { layers, kinds, saved } = compareCosts(stem, { length: 8, experts: 4 })
  const [dense, moe, rows] = kinds

  test('one layer of each, by hand', () => {
    expect(layers).toEqual([1, 2])
    const all = 3 * d * w
    expect(dense).toMatchObject({
      kind: 'dense',
      layer: { parameters: all, flops: 2 * all, loaded: all, shared: all, communicated: 0 },
    })
    expect(moe).toMatchObject({
      kind: 'hash_moe',
      layer: { parameters: 4 * all, flops: 2 * all, loaded: all, shared: 0, communicated: 2 * d },
    })
    const kept = 2 * d * w
    expect(rows).toMatchObject({
      kind: 'stem',
      layer: { parameters: kept + V * w, flops: 2 * kept, loaded: kept + w, shared: kept, communicated: 0 },
    })
  })

  test('what STEM saves: d * d_ff multiply-adds and all but a row of as many parameters, per layer and token', () => {
    expect(saved).toEqual({ multiplyAdds: 2 * d * w, loaded: 2 * (d * w - w) })
    expect(dense!.flops.forward - rows!.flops.forward).toBe(2 * saved.multiplyAdds)
    expect(dense!.flops.training - rows!.flops.training).toBe(6 * saved.multiplyAdds)
    expect(dense!.parameters.active - rows!.parameters.active).toBe(saved.loaded)
    expect(moe!.flops).toEqual(dense!.flops)
  })
})

test('does not depend on which of the three the config is', () => {
  const options = { length: 8, experts: 4 }
  const { kinds } = compareCosts(stem, options)
  expect(compareCosts(createModelConfig({ ...base, kind: 'hash_moe', experts: 4 }), { length: 8 }).kinds).toEqual(kinds)
  // A dense model is compared in all layers but the first.
  expect(compareCosts(createModelConfig({ ...base, kind: 'dense' }), options).kinds).toEqual(kinds)
})

test('as many experts as have the parameters of a table, unless it is said', () => {
  const { experts, kinds } = compareCosts(stem, { length: 8 })
  expect(experts).toBe(Math.round((2 * d * w + V * w) / (3 * d * w)))
  const [, moe, rows] = kinds
  expect(moe!.parameters.total / rows!.parameters.total).toBeCloseTo(1, 1)
})

test('the 350M shape saves a fifth of its FLOPs in all layers but one, and a third of what their blocks load', () => {
  const config = createModelConfig({ ...presets['paper-350m'], placement: 'full' })
  const { kinds } = compareCosts(config, { length: 512 })
  const [dense, , rows] = kinds
  expect(1 - rows!.flops.training / dense!.flops.training).toBeCloseTo(0.2, 1)
  expect(1 - rows!.layer.loaded / dense!.layer.loaded).toBeCloseTo(1 / 3, 2)
})

test('a model of one layer has nothing to compare', () => {
  expect(() => compareCosts(createModelConfig({ ...base, layers: 1 }), { length: 8 })).toThrow('one dense layer')
})
