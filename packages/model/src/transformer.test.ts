import '@tensorflow/tfjs-backend-cpu'
import { identityPlan } from '@stemkit/store'
import { add, linear, memory, mul, relu, square, sum, tensor1d, tidy, useBackend, valueAndGrads } from '@stemkit/tensor'
import type { Scalar, Tensor, Tensor2D } from '@stemkit/tensor'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  buildFeedForwards,
  createModelConfig,
  initializeWeights,
  listWeights,
  logits,
  nextTokenLoss,
  perTokenLoss,
  transformer,
  type CustomFeedForwards,
  type ModelConfig,
  type ModelOptions,
} from './index.ts'
import type { BatchArrays } from './check-batch.ts'
import { batchTensors, weightTensors } from './testing/tensors.ts'

beforeAll(() => useBackend('cpu'))

const options = { vocabSize: 23, dim: 16, heads: 2, layers: 3, ffnHidden: 24, maxLength: 64, kind: 'stem' }
const tiny = (change: Partial<ModelOptions> = {}): ModelConfig => createModelConfig({ ...options, ...change })
const idsOf = (length: number): number[] => Array.from({ length }, (_, i) => (i * i + 3 * i + 1) % 23)
const sequence = (ids: number[]): BatchArrays => ({
  size: 1,
  length: ids.length,
  inputIds: ids,
  targets: ids.toReversed(),
})

function runLogits(config: ModelConfig, batch: BatchArrays): Float32Array {
  return tidy(() => {
    const { inputs, unique } = batchTensors(config, batch)
    const weights = weightTensors(config, initializeWeights(config, { seed: 3, tableInit: 'unit' }), unique)
    const { hidden } = transformer(config, weights, inputs, buildFeedForwards(config, weights, inputs))
    return logits(weights, hidden).dataSync() as Float32Array
  })
}

function expectClose(a: Float32Array, b: Float32Array, tolerance = 2e-5): void {
  expect(a.length).toBe(b.length)
  expect(a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0)).toBeLessThan(tolerance)
}

describe('documents packed into one sequence', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })

  test('do not see each other: each has the logits it has alone, with positions that start again or run on', () => {
    const config = tiny()
    fc.assert(
      fc.property(lengths, (sizes) => {
        const ids = idsOf(sizes.reduce((a, b) => a + b, 0))
        const documentIds = sizes.flatMap((size, document) => Array<number>(size).fill(document))
        const restarting = sizes.flatMap((size) => Array.from({ length: size }, (_, i) => i))
        const packed = runLogits(config, { ...sequence(ids), documentIds, positionIds: restarting })
        expectClose(packed, runLogits(config, { ...sequence(ids), documentIds }))

        let start = 0
        for (const size of sizes) {
          const alone = runLogits(config, sequence(ids.slice(start, start + size)))
          expectClose(packed.subarray(start * 23, (start + size) * 23), alone)
          start += size
        }
      }),
      { numRuns: 20 },
    )
  })

  test('do see each other where the config says so', () => {
    const documentIds = [0, 0, 0, 1, 1, 1]
    const [apart, together] = [true, false].map((crossDocumentMask) =>
      runLogits(tiny({ crossDocumentMask }), { ...sequence(idsOf(6)), documentIds }),
    )
    expectClose(apart!.subarray(0, 3 * 23), together!.subarray(0, 3 * 23))
    expect(Math.abs(apart![3 * 23 + 1]! - together![3 * 23 + 1]!)).toBeGreaterThan(1e-3)
  })
})

test('a position depends on no later token', () => {
  const ids = idsOf(8)
  for (const kind of ['dense', 'stem', 'hash_moe']) {
    const config = tiny({ kind, experts: 3 })
    const whole = runLogits(config, sequence(ids))
    expectClose(whole.subarray(0, 5 * 23), runLogits(config, sequence(ids.slice(0, 5))))
  }
})

test('rows that no position uses change nothing and get no gradient', () =>
  tidy(() => {
    const config = tiny({ layers: 2 })
    const ids = idsOf(8)
    const { inputs, unique } = batchTensors(config, sequence(ids))
    const arrays = initializeWeights(config, { seed: 3, tableInit: 'unit' })
    const table = 'model.layers.1.mlp.stem_table.weight'
    const lossWeights = tensor1d(new Float32Array(8).fill(1 / 8))
    const run = (rows: Uint32Array, inverse: Int32Array): { value: Tensor; rows: Float32Array } => {
      const weights = weightTensors(config, arrays, rows)
      const loss = (block: Tensor): Scalar =>
        nextTokenLoss(
          config,
          { ...weights, [table]: block },
          { ...inputs, inverse: tensor1d(inverse, 'int32'), lossWeights },
        )
      const { value, grads } = valueAndGrads(loss as (...xs: Tensor[]) => Scalar)([weights[table]!])
      return { value, rows: grads[0]!.dataSync() as Float32Array }
    }
    const few = run(unique, inputs.inverse!.dataSync() as Int32Array)
    const plan = identityPlan(Int32Array.from(ids), { rows: 23 })
    const all = run(plan.unique, plan.inverse)
    expect(all.value.dataSync()).toEqual(few.value.dataSync())
    for (let id = 0; id < 23; id++) {
      const at = unique.indexOf(id)
      const gradient = all.rows.subarray(id * 24, (id + 1) * 24)
      expect(gradient).toEqual(at < 0 ? new Float32Array(24) : few.rows.subarray(at * 24, (at + 1) * 24))
    }
  }))

describe('a feed-forward of your own', () => {
  /** y = down relu(up x)^2, and a loss that keeps y small. */
  const custom: CustomFeedForwards = {
    squared_relu: {
      weights: ({ dim, ffnHidden }) => ({
        'up.weight': { shape: [ffnHidden, dim], role: 'matrix' },
        'down.weight': { shape: [dim, ffnHidden], role: 'matrix', std: 0.02 },
      }),
      build: (weight) => (x) => {
        const hidden = square(relu(linear(x, weight('up.weight') as Tensor2D)))
        const y = linear(hidden, weight('down.weight') as Tensor2D)
        return { y, aux: mul(sum(square(y)), 0.01) }
      },
    },
  }
  const config = tiny({ kind: 'squared_relu', placement: 'half' })

  test('gets its weights, its gradients and its own loss', () =>
    tidy(() => {
      const batch = sequence(idsOf(6))
      const { inputs, unique } = batchTensors(config, batch)
      const weights = weightTensors(config, initializeWeights(config, { seed: 1, custom }), unique, custom)
      expect(weights['model.layers.1.mlp.up.weight']!.shape).toEqual([24, 16])
      const lossWeights = tensor1d(new Float32Array(6).fill(1 / 6))

      const { losses, aux } = perTokenLoss(config, weights, { ...inputs, custom })
      const total = nextTokenLoss(config, weights, { ...inputs, custom, lossWeights }).dataSync()[0]!
      expect(aux!.dataSync()[0]).toBeGreaterThan(0)
      expect(total).toBeCloseTo(add(sum(mul(losses, lossWeights)), aux!).dataSync()[0]!, 6)

      const down = 'model.layers.1.mlp.down.weight'
      const { grads } = valueAndGrads((w: Tensor) =>
        nextTokenLoss(config, { ...weights, [down]: w }, { ...inputs, custom, lossWeights }),
      )([weights[down]!])
      expect(grads[0]!.dataSync().some((x) => x !== 0)).toBe(true)
    }))

  test('is asked for by a name that must be known', () => {
    expect(() => listWeights(config)).toThrow("'squared_relu' is not known; there are dense, stem, hash_moe")
    expect(() => listWeights(tiny({ kind: 'toString' }))).toThrow("'toString' is not known")
  })
})

const setUp = (config: ModelConfig, ids = idsOf(6)) => {
  const { inputs, unique } = batchTensors(config, sequence(ids))
  return { inputs, weights: weightTensors(config, initializeWeights(config, { seed: 1 }), unique) }
}

describe('what does not fit is refused', () => {
  test('a sequence longer than the model', () =>
    tidy(() => {
      const config = tiny()
      const { inputs, weights } = setUp(config, idsOf(65))
      expect(() => perTokenLoss(config, weights, inputs)).toThrow('a sequence of 65 tokens; the model takes at most 64')
    }))

  test('a missing weight, by its name', () =>
    tidy(() => {
      const config = tiny()
      const { inputs, weights } = setUp(config)
      const { 'model.layers.2.mlp.gate_proj.weight': _, ...rest } = weights
      expect(() => perTokenLoss(config, rest, inputs)).toThrow("no 'model.layers.2.mlp.gate_proj.weight'")
    }))

  test('a weight of the wrong shape, by op and layer', () =>
    tidy(() => {
      const config = tiny()
      const { inputs, weights } = setUp(config)
      const name = 'model.layers.2.mlp.gate_proj.weight'
      const broken = { ...weights, [name]: weights['model.layers.2.mlp.down_proj.weight']! }
      expect(() => perTokenLoss(config, broken, inputs)).toThrow(/linear in layers\.2\.mlp: .*\[16, 24\]/)
    }))

  test('STEM and hash-MoE layers without their indices', () =>
    tidy(() => {
      const stem = setUp(tiny())
      const moe = setUp(tiny({ kind: 'hash_moe', experts: 2 }))
      expect(() => buildFeedForwards(tiny(), stem.weights)).toThrow("layer 1 is stem and needs 'inverse'")
      const build = (): unknown => buildFeedForwards(tiny({ kind: 'hash_moe', experts: 2 }), moe.weights)
      expect(build).toThrow("layer 1 is hash_moe and needs 'tokenExperts'")
    }))
})

test('nothing but the results stays in memory', () => {
  for (const kind of ['dense', 'stem', 'hash_moe']) {
    tidy(() => {
      const config = tiny({ kind, experts: 2 })
      const { inputs, unique } = batchTensors(config, sequence(idsOf(6)))
      const weights = weightTensors(config, initializeWeights(config, { seed: 1 }), unique)
      const lossWeights = tensor1d(new Float32Array(6).fill(1 / 6))
      const names = Object.keys(weights)
      const before = memory().numTensors

      transformer(config, weights, inputs, buildFeedForwards(config, weights, inputs)).hidden.dispose()
      expect(memory().numTensors).toBe(before)

      const { value, grads } = valueAndGrads((...tensors: Tensor[]) =>
        nextTokenLoss(config, Object.fromEntries(names.map((name, i) => [name, tensors[i]!])), {
          ...inputs,
          lossWeights,
        }),
      )(Object.values(weights))
      for (const each of [value, ...grads]) each.dispose()
      expect(memory().numTensors).toBe(before)
    })
  }
})
