import { describe, expect, test } from 'vitest'
import {
  createModelConfig,
  initializeWeights,
  tableRowInitializer,
  listWeights,
  TABLE_INITS,
  type TableInit,
} from './index.ts'

const config = createModelConfig({ vocabSize: 500, dim: 64, heads: 2, layers: 3, kind: 'stem' })
const table = 'model.layers.1.mlp.stem_table.weight'

function statistics(data: Float32Array): { mean: number; deviation: number; largest: number; kurtosis: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length
  const moment = (k: number): number => data.reduce((a, b) => a + (b - mean) ** k, 0) / data.length
  const largest = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
  return { mean, deviation: Math.sqrt(moment(2)), largest, kurtosis: moment(4) / moment(2) ** 2 }
}

const correlation = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0) / a.length

describe('new weights', () => {
  const weights = initializeWeights(config, { seed: 1 })

  test('have the names and shapes that are listed', () => {
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual(
      [...listWeights(config)].map(([name, { shape }]) => [name, shape]),
    )
    for (const { shape, data } of weights.values()) expect(data.length).toBe(shape.reduce((a, b) => a * b, 1))
  })

  test.each([
    ['model.embed_tokens.weight', 64 ** -0.5],
    ['lm_head.weight', 64 ** -0.5],
    ['model.layers.1.self_attn.o_proj.weight', 64 ** -0.5],
    ['model.layers.0.mlp.up_proj.weight', 64 ** -0.5],
    ['model.layers.1.mlp.down_proj.weight', 256 ** -0.5],
  ])('%s is normal with deviation %f, cut at three deviations', (name, std) => {
    const { mean, deviation, largest, kurtosis } = statistics(weights.get(name)!.data)
    const tolerance = 4 / Math.sqrt(weights.get(name)!.data.length)
    expect(Math.abs(mean)).toBeLessThan(std * tolerance)
    // Cutting at three deviations takes the deviation down to 0.9866 of what it was, and the kurtosis to 2.83.
    expect(Math.abs(deviation / (std * 0.9866) - 1)).toBeLessThan(tolerance)
    expect(largest).toBeLessThanOrEqual(Math.fround(3 * std))
    expect(largest).toBeGreaterThan(2.5 * std)
    expect(Math.abs(kurtosis - 2.83)).toBeLessThan(5 * tolerance)
  })

  test('have norm gains of one', () => {
    expect(new Set(weights.get('model.norm.weight')!.data)).toEqual(new Set([1]))
  })

  test.each([
    ['xavier-normal', Math.sqrt(2 / (500 + 256))],
    ['embedding', 64 ** -0.5],
    ['unit', 1],
  ] satisfies [TableInit, number][])('have tables that are normal, %s with deviation %f', (tableInit, std) => {
    const { mean, deviation, kurtosis } = statistics(initializeWeights(config, { seed: 1, tableInit }).get(table)!.data)
    expect(Math.abs(mean / std)).toBeLessThan(0.01)
    expect(Math.abs(deviation / std - 1)).toBeLessThan(0.01)
    expect(Math.abs(kurtosis - 3)).toBeLessThan(0.06)
  })

  test('refuse an initialisation that does not exist, naming those that do', () => {
    expect(() => initializeWeights(config, { seed: 1, tableInit: 'zero' as TableInit })).toThrow(
      `tableInit 'zero' is none of ${TABLE_INITS.join(', ')}`,
    )
  })
})

describe('a seed', () => {
  test('always gives the same numbers', () => {
    const { data } = initializeWeights(config, { seed: 1 }).get('lm_head.weight')!
    expect(initializeWeights(config, { seed: 1 }).get('lm_head.weight')!.data).toEqual(data)
    expect(initializeWeights(config, { seed: 2 }).get('lm_head.weight')!.data).not.toEqual(data)
    expect([...data.subarray(0, 3)].map((x) => x.toFixed(6))).toMatchInlineSnapshot(`
      [
        "0.127178",
        "0.129728",
        "0.006723",
      ]
    `)
  })

  test('gives a weight the same numbers whatever else the model has', () => {
    const deeper = createModelConfig({ vocabSize: 500, dim: 64, heads: 2, layers: 5, kind: 'stem', placement: 'half' })
    const [a, b] = [initializeWeights(config, { seed: 1 }), initializeWeights(deeper, { seed: 1 })]
    for (const name of [table, 'model.layers.1.mlp.gate_proj.weight', 'lm_head.weight']) {
      expect(b.get(name)!.data).toEqual(a.get(name)!.data)
    }
  })

  test('gives a table row the same numbers however many rows there are', () => {
    const larger = createModelConfig({ vocabSize: 600, dim: 64, heads: 2, layers: 3, kind: 'stem' })
    const [a, b] = [config, larger].map(
      (each) => initializeWeights(each, { seed: 1, tableInit: 'unit' }).get(table)!.data,
    )
    expect(b!.subarray(0, a!.length)).toEqual(a)
  })

  test('gives unrelated numbers to different weights and rows', () => {
    const weights = initializeWeights(config, { seed: 1, tableInit: 'unit' })
    const [one, two] = [1, 2].map((l) => weights.get(`model.layers.${l}.mlp.stem_table.weight`)!.data)
    expect(Math.abs(correlation(one!, two!))).toBeLessThan(0.012)
    expect(Math.abs(correlation(one!.subarray(256), one!.subarray(0, -256)))).toBeLessThan(0.012)
  })

  test('gives table rows that are made one at a time, all layers together, the same numbers', () => {
    const whole = initializeWeights(config, { seed: 1, tableInit: 'unit' })
    const { rows, layers, width, fill } = tableRowInitializer(config, { seed: 1, tableInit: 'unit' })
    expect([rows, layers, width]).toEqual([500, 2, 256])
    const row = new Float32Array(2 * 256)
    for (const id of [499, 0, 7]) {
      fill(id, row)
      for (const layer of [1, 2]) {
        const data = whole.get(`model.layers.${layer}.mlp.stem_table.weight`)!.data
        expect(row.subarray((layer - 1) * 256, layer * 256)).toEqual(data.subarray(id * 256, (id + 1) * 256))
      }
    }
    const without = initializeWeights(config, { seed: 1, tables: false })
    expect(without.size).toBe(whole.size - 2)
    expect(() =>
      tableRowInitializer(createModelConfig({ vocabSize: 9, dim: 8, heads: 1, layers: 1, kind: 'dense' }), { seed: 1 }),
    ).toThrow('the model has none')
  })

  test('can fill memory of the caller', () => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * 2 ** 20))
    let at = 0
    const allocate = (_: string, length: number): Float32Array => shared.subarray(at, (at += length))
    const weights = initializeWeights(config, { seed: 1, allocate })
    expect(weights.get('lm_head.weight')!.data.buffer).toBe(shared.buffer)
    expect(weights.get('lm_head.weight')!.data).toEqual(
      initializeWeights(config, { seed: 1 }).get('lm_head.weight')!.data,
    )
  })
})
