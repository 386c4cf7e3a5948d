import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from './random.ts'
import { candidates, checkSampling, penalizeRepetition, pick } from './sampler.ts'
import { argmax, logProbability } from './softmax.ts'
import type { SamplingOptions } from './sampler.ts'

const none = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 }
const logitsOf = (probabilities: readonly number[]): Float32Array => Float32Array.from(probabilities, Math.log)
const choose = (probabilities: readonly number[], options: SamplingOptions): Record<number, number> => {
  const { ids, probabilities: found } = candidates(logitsOf(probabilities), checkSampling({ ...none, ...options }))
  return Object.fromEntries(Array.from(ids, (id, i) => [id, Number(found[i]!.toFixed(5))]))
}
const distribution = [0.1, 0.4, 0.2, 0.3]

describe('greedy', () => {
  test('takes the largest logit, of equal ones the lowest id', () => {
    expect(argmax(Float32Array.of(1, 3, 2, 3))).toBe(1)
    expect(argmax(Float32Array.of(-3, -1, -1))).toBe(1)
  })

  test('is what temperature 0 is', () => {
    expect(choose(distribution, { temperature: 0, topK: 3 })).toEqual({ 1: 1 })
  })
})

describe('limits on a known distribution', () => {
  test('none keeps every token with its probability', () => {
    expect(choose(distribution, {})).toEqual({ 0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3 })
  })

  test('temperature sharpens or flattens', () => {
    expect(choose([0.8, 0.2], { temperature: 0.5 })).toEqual({ 0: 0.94118, 1: 0.05882 })
    expect(choose([0.8, 0.2], { temperature: 2 })).toEqual({ 0: 0.66667, 1: 0.33333 })
  })

  test('top-k keeps the k likeliest', () => {
    expect(choose(distribution, { topK: 2 })).toEqual({ 1: 0.57143, 3: 0.42857 })
    expect(choose(distribution, { topK: 99 })).toEqual({ 0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3 })
  })

  test('of equally likely tokens top-k keeps the lowest ids', () => {
    expect(choose([0.25, 0.25, 0.25, 0.25], { topK: 2 })).toEqual({ 0: 0.5, 1: 0.5 })
  })

  test('top-p keeps the fewest that reach the share', () => {
    expect(choose(distribution, { topP: 0.65 })).toEqual({ 1: 0.57143, 3: 0.42857 })
    expect(choose(distribution, { topP: 0.75 })).toEqual({ 1: 0.44444, 2: 0.22222, 3: 0.33333 })
    expect(choose(distribution, { topP: 1e-9 })).toEqual({ 1: 1 })
  })

  test('top-p is a share of what top-k leaves', () => {
    expect(choose(distribution, { topK: 2, topP: 0.56 })).toEqual({ 1: 1 })
    expect(choose(distribution, { topK: 2, topP: 0.58 })).toEqual({ 1: 0.57143, 3: 0.42857 })
  })

  test('min-p keeps what is likely enough beside the likeliest', () => {
    expect(choose(distribution, { minP: 0.6 })).toEqual({ 1: 0.57143, 3: 0.42857 })
    expect(choose(distribution, { minP: 1 })).toEqual({ 1: 1 })
  })

  test('always leave a distribution', () => {
    const anything = fc.record({
      temperature: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
      topK: fc.nat(40),
      topP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    const logits = fc.array(fc.float({ min: -1e4, max: 1e4, noNaN: true }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(logits, anything, (values, options) => {
        const { ids, probabilities } = candidates(Float32Array.from(values), options)
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids.includes(argmax(Float32Array.from(values)))).toBe(true)
        expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9)
      }),
    )
  })
})

describe('picking', () => {
  test('follows the probabilities', () => {
    const found = candidates(logitsOf(distribution), checkSampling(none))
    const random = createRandom(1)
    const draws = 100_000
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < draws; i++) counts[pick(found, random())]!++
    const chiSquared = counts.reduce((sum, count, id) => {
      const expected = draws * distribution[id]!
      return sum + (count - expected) ** 2 / expected
    }, 0)
    // With 3 degrees of freedom 16.3 is exceeded once in a thousand.
    expect(chiSquared).toBeLessThan(16.3)
  })

  test('never takes what has no probability, whatever rounding leaves over', () => {
    const found = { ids: Uint32Array.of(4, 5, 6), probabilities: Float64Array.of(0.3, 0.7 - 1e-12, 0) }
    expect(pick(found, 0)).toBe(4)
    expect(pick(found, 0.3)).toBe(5)
    expect(pick(found, 1 - 2 ** -53)).toBe(5)
  })
})

test('the repetition penalty lowers positive and negative logits, once a token', () => {
  const logits = Float32Array.of(2, -2, 1)
  expect(Array.from(penalizeRepetition(logits, [0, 0, 1], 2))).toEqual([1, -4, 1])
  expect(Array.from(logits)).toEqual([2, -2, 1])
})

test('log-probabilities are log-softmax', () => {
  expect(logProbability(logitsOf(distribution), 2)).toBeCloseTo(Math.log(0.2), 6)
  expect(logProbability(Float32Array.of(1e4, 0), 1)).toBe(-1e4)
})

test.each([
  [{ temperature: -1 }, 'generate: temperature is -1, but must be 0 (the likeliest token) or more'],
  [{ temperature: Number.NaN }, 'generate: temperature is NaN, but must be 0 (the likeliest token) or more'],
  [{ topK: 1.5 }, 'generate: topK is 1.5, but must be a whole number, 0 for no limit'],
  [{ topP: 0 }, 'generate: topP is 0, but must be above 0 and at most 1'],
  [{ minP: 2 }, 'generate: minP is 2, but must be between 0 and 1'],
  [{ repetitionPenalty: 0 }, 'generate: repetitionPenalty is 0, but must be above 0 (1 is none)'],
])('refuses %o', (options, message) => {
  expect(() => checkSampling(options)).toThrow(message)
})
