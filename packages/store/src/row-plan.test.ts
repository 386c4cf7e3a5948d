import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRowPlan, identityPlan, type RowPlan } from './index.ts'

const rebuilt = ({ unique, inverse }: RowPlan): number[] => Array.from(inverse, (slot) => unique[slot]!)
const distinct = (ids: ArrayLike<number>): number[] => [...new Set(Array.from(ids))].toSorted((a, b) => a - b)

describe('a row plan', () => {
  const anyIds = fc.uint8Array({ maxLength: 300 }).map((bytes) => Int32Array.from(bytes))

  test('names every row once, in order, and leads each position to its own', () => {
    fc.assert(
      fc.property(anyIds, (ids) => {
        const plan = createRowPlan(ids, { rows: 256 })
        expect([...plan.unique]).toEqual(distinct(ids))
        expect(rebuilt(plan)).toEqual([...ids])
      }),
    )
  })

  test('is the same whether it was made with a slot per row or by sorting', () => {
    fc.assert(
      fc.property(anyIds, (ids) => {
        expect(createRowPlan(ids, { rows: 256 })).toEqual(createRowPlan(ids))
      }),
    )
  })

  test('leaves its scratch as it found it, so that the next plan can use it', () => {
    const scratch = new Int32Array(256)
    fc.assert(
      fc.property(anyIds, (ids) => {
        expect(createRowPlan(ids, { rows: 256, scratch })).toEqual(createRowPlan(ids))
        expect(scratch.every((slot) => slot === 0)).toBe(true)
      }),
    )
  })

  test('takes ids far beyond any vocabulary without memory for every row', () => {
    const ids = Uint32Array.of(2 ** 32 - 1, 7, 2 ** 31, 7)
    const plan = createRowPlan(ids, { rows: 2 ** 32 })
    expect([...plan.unique]).toEqual([7, 2 ** 31, 2 ** 32 - 1])
    expect([...plan.inverse]).toEqual([2, 0, 1, 0])
  })

  test('refuses an id out of range, naming it and its position', () => {
    expect(() => createRowPlan(Int32Array.of(1, 5, 9), { rows: 9 })).toThrow('id 9 at position 2 is not one of 9 rows')
    expect(() => createRowPlan(Int32Array.of(3, -1))).toThrow('id -1 at position 1')
    expect(() => createRowPlan(Int32Array.of(1), { rows: 9, scratch: new Int32Array(8) })).toThrow('scratch has 8')
  })

  test('of all rows makes the block the whole table', () => {
    const plan = identityPlan(Int32Array.of(2, 0, 2), { rows: 4 })
    expect([...plan.unique]).toEqual([0, 1, 2, 3])
    expect([...plan.inverse]).toEqual([2, 0, 2])
    expect(() => identityPlan(Int32Array.of(4), { rows: 4 })).toThrow('id 4 at position 0')
  })
})
