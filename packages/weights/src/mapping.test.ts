import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mapTensors, reorderHeads } from './mapping.ts'
import { memorySource, type Tensor } from './tensor.ts'
import { fromFloat32, toFloat32 } from './values.ts'

const rows = (...values: number[]): Tensor => fromFloat32(Float32Array.from(values), [values.length, 1])
const numbers = (tensor: Tensor): number[] => Array.from(toFloat32(tensor))

/** Rotates the heads of a vector at a position: pairs (2i, 2i + 1), or (i, i + headDim / 2). */
const rotate = (x: number[], headDim: number, position: number, style: 'interleaved' | 'halves'): number[] => {
  const out = x.slice()
  for (let head = 0; head < x.length; head += headDim) {
    for (let i = 0; i < headDim / 2; i++) {
      const [a, b] = style === 'interleaved' ? [head + 2 * i, head + 2 * i + 1] : [head + i, head + i + headDim / 2]
      const angle = position * 10_000 ** ((-2 * i) / headDim)
      out[a] = x[a]! * Math.cos(angle) - x[b]! * Math.sin(angle)
      out[b] = x[a]! * Math.sin(angle) + x[b]! * Math.cos(angle)
    }
  }
  return out
}

const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

describe('rows of heads', () => {
  test('move as the reference says: 0, 2, 4, ..., 1, 3, 5, ... of each head', () => {
    const halves = reorderHeads(rows(0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15), { headDim: 6, to: 'halves' })
    expect(numbers(halves)).toEqual([0, 2, 4, 1, 3, 5, 10, 12, 14, 11, 13, 15])
  })

  test('there and back is the same, bit for bit, for any element size', () => {
    const shape = fc.record({
      heads: fc.nat({ max: 4 }),
      half: fc.integer({ min: 1, max: 6 }),
      width: fc.nat({ max: 5 }),
    })
    fc.assert(
      fc.property(shape, fc.constantFrom('F64', 'F32', 'BF16'), ({ heads, half, width }, dtype) => {
        const length = heads * 2 * half * width
        const values = Float32Array.from({ length }, (_, i) => Math.sin(i))
        const tensor = fromFloat32(values, [heads * 2 * half, width], dtype as 'F64')
        for (const [there, back] of [
          ['halves', 'interleaved'],
          ['interleaved', 'halves'],
        ] as const) {
          const moved = reorderHeads(tensor, { headDim: 2 * half, to: there })
          expect(reorderHeads(moved, { headDim: 2 * half, to: back })).toEqual(tensor)
        }
      }),
    )
  })

  test('attention scores do not change when weights move with the way that pairs turn', () => {
    const [q, k] = [
      rows(...Array.from({ length: 16 }, (_, i) => Math.sin(i))),
      rows(...Array.from({ length: 16 }, (_, i) => Math.cos(i))),
    ]
    const score = (style: 'interleaved' | 'halves'): number => {
      const vectors = [q, k].map((one) =>
        numbers(style === 'halves' ? reorderHeads(one, { headDim: 8, to: 'halves' }) : one),
      )
      return dot(rotate(vectors[0]!, 8, 11, style), rotate(vectors[1]!, 8, 4, style))
    }
    expect(score('halves')).toBeCloseTo(score('interleaved'), 10)
  })

  test('must be whole heads', () => {
    expect(() => reorderHeads(rows(1, 2, 3), { headDim: 2, to: 'halves' })).toThrow(
      '3 rows are not whole heads of 2 rows',
    )
  })
})

describe('tensors under other names', () => {
  const source = memorySource(new Map([['old', rows(0, 1, 2, 3)]]))
  const mapped = mapTensors(
    source,
    new Map([
      ['same', { from: 'old' }],
      ['moved', { from: 'old', heads: { headDim: 4, to: 'halves' } }],
    ]),
  )

  test('are read as they are asked for, whole or by rows, into memory of the caller', async () => {
    expect(numbers(await mapped.read('same', { rows: { begin: 1, end: 3 } }))).toEqual([1, 2])
    expect(numbers(await mapped.read('moved'))).toEqual([0, 2, 1, 3])
    const into = new Uint8Array(new SharedArrayBuffer(8))
    const part = await mapped.read('moved', { rows: { begin: 1, end: 3 }, into })
    expect([part.shape, numbers(part), part.data.buffer === into.buffer]).toEqual([[2, 1], [2, 1], true])
  })

  test('name what is wrong with a request', async () => {
    expect(() => mapTensors(source, new Map([['a', { from: 'gone' }]]))).toThrow("there is no tensor 'gone'")
    await expect(mapped.read('old')).rejects.toThrow("there is no tensor 'old'")
    await expect(mapped.read('moved', { rows: { begin: 3, end: 5 } })).rejects.toThrow(
      "rows 3 to 5 of 'moved' are not within its shape [4, 1]",
    )
    await expect(mapped.read('same', { into: new Uint8Array(3) })).rejects.toThrow(
      "'old' needs 16 bytes, but `into` has 3",
    )
    await expect(mapped.read('same', { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })
})
