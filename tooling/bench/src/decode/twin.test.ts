import { countParameters, createModelConfig } from '@stemkit/model'
import { expect, test } from 'vitest'
import { randomWeight, TWINS } from './twin.ts'

const config = createModelConfig({ vocabSize: 300, dim: 128, heads: 4, layers: 3, kind: 'dense' })
const name = 'model.layers.1.mlp.down_proj.weight'

function statistics(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) }
}

test('the twins have the size that is compared', () => {
  expect(countParameters(TWINS.dense).total).toBe(373_867_520)
  expect(countParameters(TWINS.stem).dense).toBe(373_867_520 - 23 * 1024 * 2816)
})

test('weights have deviation in^-1/2, gains are near 1', () => {
  const values = randomWeight(config, name, 1)
  expect(values).toHaveLength(128 * config.ffnHidden)
  const { mean, deviation } = statistics(values)
  expect(Math.abs(mean)).toBeLessThan(0.001)
  expect(deviation * Math.sqrt(config.ffnHidden)).toBeCloseTo(1, 1)
  expect(statistics(randomWeight(config, 'model.norm.weight', 1)).mean).toBeCloseTo(1, 1)
})

test('equal names and seeds give equal weights, others none', () => {
  expect(randomWeight(config, name, 1)).toEqual(randomWeight(config, name, 1))
  expect(randomWeight(config, name, 2)).not.toEqual(randomWeight(config, name, 1))
  const other = randomWeight(config, name.replace('1', '2'), 1)
  const one = randomWeight(config, name, 1)
  expect(other.filter((value, i) => value === one[i]).length).toBeLessThan(100)
})
