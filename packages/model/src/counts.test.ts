import { describe, expect, test } from 'vitest'
import { countFlops, countParameters, createModelConfig, initializeWeights, presets } from './index.ts'

const dense = { kind: 'dense', placement: 'full' } as const

describe('parameters', () => {
  test('are those that initialisation makes', () => {
    for (const kind of ['dense', 'stem', 'hash_moe']) {
      const config = createModelConfig({ vocabSize: 50, dim: 32, heads: 2, layers: 3, kind, experts: 3 })
      const weights = initializeWeights(config, { seed: 1 })
      const made = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0)
      expect(countParameters(config).total).toBe(made)
    }
  })

  test('of the 350M shape come out as published: 0.37B dense, 0.30B active with STEM in all layers but one', () => {
    expect(countParameters(createModelConfig({ ...presets['paper-350m'], ...dense })).total / 1e9).toBeCloseTo(0.376, 3)
    const full = countParameters(createModelConfig({ ...presets['paper-350m'], placement: 'full' }))
    expect(full.active / 1e9).toBeCloseTo(0.3, 3)
    expect(full.table).toBe(31 * 32_000 * 2560)
  })

  test('of the 1B shape come out as published: 1.50B dense, 1.41B active with a third of STEM layers', () => {
    expect(countParameters(createModelConfig({ ...presets['paper-1b'], ...dense })).total / 1e9).toBeCloseTo(1.498, 3)
    expect(countParameters(createModelConfig(presets['paper-1b'])).active / 1e9).toBeCloseTo(1.415, 3)
  })

  test('of one expert are active, and one row of each table', () => {
    const base = { vocabSize: 50, dim: 32, heads: 2, layers: 2 }
    const plain = createModelConfig(base)
    const moe = countParameters(createModelConfig({ ...base, kind: 'hash_moe', experts: 4 }))
    expect(moe.active).toBe(countParameters(plain).total)
    const stem = countParameters(createModelConfig({ ...base, kind: 'stem' }))
    expect(stem.active).toBe(countParameters(plain).total - 32 * plain.ffnHidden + plain.ffnHidden)
  })
})

describe('FLOPs', () => {
  test('of one dense training step are 6 per weight and position, and attention', () => {
    const config = createModelConfig({ ...presets.medium, ...dense, vocabSize: 8192 })
    const matrices = 6 * (4 * 512 ** 2 + 3 * 512 * 1408) + 512 * 8192
    const attention = 6 * 12 * 256 * 512
    expect(countFlops(config, { length: 256 }).training).toBe(6 * matrices + attention)
  })

  test('are saved by STEM in the share of the up-projections', () => {
    const [stem, twin] = [{}, dense].map(
      (options) =>
        countFlops(createModelConfig({ ...presets.medium, vocabSize: 8192, ...options }), { length: 256 }).training,
    ) as [number, number]
    expect((stem * 1024) / 1e9).toBeCloseTo(131.7, 1)
    expect((twin * 1024) / 1e9).toBeCloseTo(153.8, 1)
    expect(twin - stem).toBe(6 * 5 * 512 * 1408)
  })

  test('of a prompt have one head for all, and a token after it has what every token of a forward pass has', () => {
    const config = createModelConfig({ ...dense, vocabSize: 50, dim: 32, heads: 2, layers: 2, ffnHidden: 64 })
    const attention = 2 * 4 * 8 * 32
    const blocks = 2 * 2 * (4 * 32 ** 2 + 3 * 32 * 64) + attention
    const { forward, prefill, decode } = countFlops(config, { length: 8 })
    expect(forward).toBe(blocks + 2 * 32 * 50)
    expect(decode).toBe(forward)
    expect(8 * prefill).toBe(8 * blocks + 2 * 32 * 50)
  })

  test('of a mixture are those of one expert', () => {
    const base = { vocabSize: 50, dim: 32, heads: 2, layers: 2 }
    const count = (options: object): number =>
      countFlops(createModelConfig({ ...base, ...options }), { length: 8 }).forward
    expect(count({ kind: 'hash_moe', experts: 4 })).toBe(count({}))
  })
})
