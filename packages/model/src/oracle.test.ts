import '@tensorflow/tfjs-backend-cpu'
import { tensor1d, tidy, useBackend, valueAndGrads, type Tensor } from '@stemkit/tensor'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildFeedForwards, logits, meanLossWeights, nextTokenLoss, perTokenLoss, transformer } from './index.ts'
import { readOracleCase } from './testing/oracle-case.ts'
import { batchTensors, weightTensors } from './testing/tensors.ts'

const CASES = ['dense', 'stem-third', 'stem-half', 'stem-full', 'stem-full-docmask', 'gqa-stem', 'hash-moe']

function largestDifference(found: ArrayLike<number>, expected: Float32Array): number {
  expect(found.length).toBe(expected.length)
  return expected.reduce((worst, value, i) => Math.max(worst, Math.abs(value - found[i]!)), 0)
}

beforeAll(() => useBackend('cpu'))

describe.each(CASES)('%s agrees with the reference', (name) => {
  const { config, weights: arrays, batch, expected } = readOracleCase(name)

  test('in its logits and per-token losses', () =>
    tidy(() => {
      const { inputs, unique } = batchTensors(config, batch)
      const weights = weightTensors(config, arrays, unique)
      const { hidden } = transformer(config, weights, inputs, buildFeedForwards(config, weights, inputs))
      const { losses } = perTokenLoss(config, weights, inputs)
      expect(largestDifference(logits(weights, hidden).dataSync(), expected.get('logits')!.data)).toBeLessThan(2e-5)
      expect(largestDifference(losses.dataSync(), expected.get('loss_per_token')!.data)).toBeLessThan(2e-5)
    }))

  test('in its mean loss and the gradient of every weight', () =>
    tidy(() => {
      const { inputs, unique } = batchTensors(config, batch)
      const weights = weightTensors(config, arrays, unique)
      const lossWeights = tensor1d(meanLossWeights(Float32Array.from(batch.lossMask)))
      const names = Object.keys(weights)
      const { value, grads } = valueAndGrads((...tensors: Tensor[]) =>
        nextTokenLoss(config, Object.fromEntries(names.map((each, i) => [each, tensors[i]!])), {
          ...inputs,
          lossWeights,
        }),
      )(names.map((each) => weights[each]!))

      expect(largestDifference(value.dataSync(), expected.get('loss_mean')!.data)).toBeLessThan(1e-5)
      expect(names.length).toBe([...expected.keys()].filter((key) => key.startsWith('grad.')).length)
      names.forEach((each, i) => {
        const { shape, data } = expected.get(`grad.${each}`)!
        const found = each.endsWith('stem_table.weight')
          ? intoTable(grads[i]!.dataSync() as Float32Array, unique, shape as [number, number])
          : grads[i]!.dataSync()
        const largest = data.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0)
        expect(largestDifference(found, data) / largest, each).toBeLessThan(1e-4)
      })
    }))
})

/** Gradients of the rows that were used, put back into a table [V, d_ff] of zeros. */
function intoTable(block: Float32Array, unique: Uint32Array, [rows, width]: [number, number]): Float32Array {
  const table = new Float32Array(rows * width)
  unique.forEach((id, u) => table.set(block.subarray(u * width, (u + 1) * width), id * width))
  return table
}
