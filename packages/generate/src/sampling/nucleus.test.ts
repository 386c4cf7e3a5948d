import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { nucleus } from './nucleus.ts'
import { argmax } from './softmax.ts'

/** The plain way: put all in order, and take until the share is reached. */
function inOrder(logits: Float32Array, temperature: number, share: number): number[] {
  const largest = logits[argmax(logits)]!
  const weights = Array.from(logits, (logit) => Math.exp((logit - largest) / temperature))
  const wanted = share * weights.reduce((sum, weight) => sum + weight, 0)
  const ids = Array.from(weights.keys()).toSorted((a, b) => logits[b]! - logits[a]! || a - b)
  let reached = 0
  const taken = ids.findIndex((id) => (reached += weights[id]!) >= wanted)
  return ids.slice(0, taken + 1).toSorted((a, b) => a - b)
}

const nucleusOf = (logits: Float32Array, temperature: number, share: number): number[] =>
  Array.from(nucleus(logits, { largest: logits[argmax(logits)]!, temperature }, share))

test('is what taking the likeliest in order gives, however the weights lie', () => {
  const logits = fc.array(fc.integer({ min: -120, max: 120 }), { minLength: 1, maxLength: 200 })
  const share = fc.double({ min: 0.01, max: 0.999, noNaN: true })
  fc.assert(
    fc.property(logits, fc.constantFrom(0.5, 1, 4), share, (values, temperature, p) => {
      const all = Float32Array.from(values, (value) => value / 8)
      expect(nucleusOf(all, temperature, p)).toEqual(inOrder(all, temperature, p))
    }),
    { numRuns: 300 },
  )
})

test('looks at small weights where they decide', () => {
  // The many are a half of the sum, though each is e^-10 of the largest.
  const many = Float32Array.from({ length: 22_027 }, (_, id) => (id === 7 ? 0 : -10))
  expect(nucleusOf(many, 1, 0.45)).toEqual([7])
  const found = nucleusOf(many, 1, 0.75)
  expect(found.length).toBe(inOrder(many, 1, 0.75).length)
  expect(found.length).toBeGreaterThan(11_000)
  // Those that count for little together are not wanted before almost all is.
  const few = many.with(9, -30)
  expect(nucleusOf(few, 1, 1 - 1e-12)).toContain(8)
})

test('holds at temperatures next to nothing and at logits of minus infinity', () => {
  expect(nucleusOf(Float32Array.of(1, 3, 2), 1e-310, 0.9)).toEqual([1])
  expect(nucleusOf(Float32Array.of(-Infinity, 3, 3), 1, 0.9)).toEqual([1, 2])
})
