import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { largestFirst } from './largest-first.ts'
import { decay, logProbability } from './softmax.ts'
import { createTokenChooser, type ChooserOptions } from './token-chooser.ts'
import { topTokens } from './top-tokens.ts'

const logits = Float32Array.of(1, 3, -2, 2.5, 3)
const choose = (options: ChooserOptions, given = logits) =>
  createTokenChooser(options, { prompt: [1], vocabSize: given.length }).choose(given)

describe('a chosen token', () => {
  test('comes with the log-probability that the model gives it, whatever changes the choice', () => {
    const { token, logprob } = choose({ temperature: 0, repetitionPenalty: 2, logitBias: { 4: -1 } })
    expect(token).toBe(3)
    expect(logprob).toBeCloseTo(logProbability(logits, 3), 12)
    expect(Array.from(logits)).toEqual([1, 3, -2, 2.5, 3])
  })

  test('comes with the likeliest tokens, equal ones by id', () => {
    const { topLogprobs } = choose({ temperature: 0, topLogprobs: 3 })
    expect(topLogprobs!.map(({ token }) => token)).toEqual([1, 4, 3])
    expect(topLogprobs![2]!.logprob).toBeCloseTo(logProbability(logits, 3), 12)
  })

  test('comes without where none are wanted', () => {
    expect(choose({ temperature: 0, logprobs: false })).toEqual({ token: 1, logprob: Number.NaN })
  })

  test('is never one that is ruled out', () => {
    const logitBias = { 1: -Infinity, 4: -Infinity }
    for (let seed = 0; seed < 50; seed++) {
      const { token } = choose({ temperature: 5, topP: 1, seed, logitBias })
      expect([0, 2, 3]).toContain(token)
    }
  })

  test('is repeatable by its seed', () => {
    const tokens = (seed: number): number[] => {
      const chooser = createTokenChooser({ seed, temperature: 3 }, { prompt: [], vocabSize: 5 })
      return Array.from({ length: 20 }, () => chooser.choose(logits).token)
    }
    expect(tokens(1)).toEqual(tokens(1))
    expect(tokens(1)).not.toEqual(tokens(2))
  })
})

test.each([
  [{ logitBias: { 5: 1 } }, 'logitBias names token 5, but ids are 0..4'],
  [{ logitBias: { 1: Infinity } }, 'logitBias of token 1 is Infinity, but must be a number'],
  [{ logitBias: { 1: Number.NaN } }, 'logitBias of token 1 is NaN'],
  [{ topLogprobs: 21 }, 'topLogprobs is 21, but must be a whole number from 0 to 20'],
  [{ logitBias: Object.fromEntries([0, 1, 2, 3, 4].map((id) => [id, -Infinity])) }, 'rules out every token'],
])('refuses %o', (options, message) => {
  expect(() => choose(options)).toThrow(message)
})

test.each([Number.NaN, Infinity])('logits with %d are no choice', (bad) => {
  expect(() => choose({ temperature: 0 }, Float32Array.of(1, bad, 2))).toThrow(
    'the logits after 1 tokens are no numbers',
  )
})

test('the top tokens are the first of all in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 }), fc.nat(200), (values, count) => {
      expect([...topTokens(values, count)]).toEqual([...largestFirst(values)].slice(0, count))
    }),
  )
})

test('e^x is exact to 1e-14 as far as it matters', () => {
  fc.assert(
    fc.property(fc.double({ min: -44, max: 0, noNaN: true }), (x) => {
      expect(Math.abs(decay(x) / Math.exp(x) - 1)).toBeLessThan(1e-14)
    }),
  )
  expect([decay(0), decay(-45), decay(-Infinity)]).toEqual([1, 0, 0])
})
