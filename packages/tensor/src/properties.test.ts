import '@tensorflow/tfjs-backend-cpu'
import { array, assert, integer, nat, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { attention, causalMask, documentMask, gatherRows, MASKED, rope, ropeTables, tidy, useBackend } from './index.ts'
import { grad, ones, sum, tensor2d } from './index.ts'
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from './index.ts'
import { integers, normal, toTensors } from './testing/op-case.ts'
import * as reference from './testing/reference.ts'

await useBackend('cpu')
const masked = (value: number) => value <= MASKED
const small = (max: number) => integer({ min: 1, max })

test('attention equals its definition at any number of sequences, positions, groups and heads', () => {
  const shapes = record({ B: small(3), T: small(6), kvHeads: small(3), R: small(3), hd: small(4), seed: small(1e6) })
  assert(
    property(shapes, ({ B, T, kvHeads, R, hd, seed }) => {
      const sizes = { B, T, heads: kvHeads * R, kvHeads, hd }
      const documents = normal(seed + 3, [B, T]).data
      const inputs = {
        q: normal(seed, [B, T, sizes.heads * hd]),
        k: normal(seed + 1, [B, T, kvHeads * hd]),
        v: normal(seed + 2, [B, T, kvHeads * hd]),
        documents: integers(
          [B, T],
          Array.from(documents, (value) => (value > 0 ? 1 : 0)),
        ),
      }
      const actual = tidy(() => {
        const { q, k, v, documents: of } = toTensors(inputs) as Record<keyof typeof inputs, Tensor3D>
        return [...attention(q, k, v, documentMask(of as Tensor as Tensor2D), sizes).dataSync()]
      })
      const { q, k, v } = inputs
      const expected = reference.attention(q.data, k.data, v.data, sizes, inputs.documents.data)
      expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 5))
    }),
    { numRuns: 40 },
  )
})

test('a causal mask hides what comes later, a document mask also other documents', () => {
  tidy(() => {
    expect([...causalMask(3).dataSync()].map(masked)).toEqual([
      false,
      true,
      true,
      false,
      false,
      true,
      false,
      false,
      false,
    ])
    expect(causalMask(3).shape).toEqual([1, 1, 3, 3])
    const mask = documentMask(tensor2d([[4, 4, 9]], [1, 3], 'int32'))
    expect(mask.shape).toEqual([1, 1, 3, 3])
    expect([...mask.dataSync()].map(masked)).toEqual([false, true, true, false, false, true, true, true, false])
    expect(mask.dataSync().every((value) => masked(value) || value === 0)).toBe(true)
  })
})

test('rotary scores depend on the distance of two positions, not on where they are', () => {
  const [q, k] = [normal(1, [1, 1, 8]), normal(2, [1, 1, 8])]
  const score = (a: number, b: number) =>
    tidy(() => {
      const tables = ropeTables(200, 8, 1e4)
      const turn = (x: typeof q, position: number) => {
        const { tensor, at } = toTensors({ tensor: x, at: integers([1, 1], [position]) })
        return [...rope(tensor as Tensor3D, at as Tensor2D, tables, 1).dataSync()]
      }
      const [x, y] = [turn(q, a), turn(k, b)]
      return x.reduce((total, value, i) => total + value * y[i]!, 0)
    })
  const positions = integer({ min: 0, max: 99 })
  assert(
    property(positions, positions, positions, (a, b, shift) => {
      expect(score(a + shift, b + shift)).toBeCloseTo(score(a, b), 4)
    }),
    { numRuns: 30 },
  )
})

test('the gradient of gathered rows counts how often each was used', () => {
  assert(
    property(small(6), array(nat(5), { minLength: 1, maxLength: 20 }), (w, drawn) => {
      const U = Math.max(...drawn) + 1
      const gradient = tidy(() => {
        const { indices } = toTensors({ indices: integers([drawn.length], drawn) })
        const total = (rows: Tensor) => sum(gatherRows(rows as Tensor2D, indices as Tensor1D))
        return [...grad(total)(ones([U, w])).dataSync()]
      })
      const uses = Array.from({ length: U * w }, (_, i) => drawn.filter((row) => row === Math.floor(i / w)).length)
      expect(gradient).toEqual(uses)
    }),
    { numRuns: 40 },
  )
})
