import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitDocuments } from './split.ts'

const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

describe('splitDocuments', () => {
  it('holds out the last ones', () => {
    expect(splitDocuments(ten, { last: 2 })).toEqual({ train: [0, 1, 2, 3, 4, 5, 6, 7], heldOut: [8, 9] })
  })

  it('holds out every n-th', () => {
    expect(splitDocuments(ten, { every: 4 }).heldOut).toEqual([3, 7])
  })

  it('holds out a share, the same for the same seed, loses and repeats nothing', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 10, max: 60 }), (seed, count) => {
        const documents = Array.from({ length: count }, (_, i) => i)
        const rule = { fraction: 0.2, seed }
        const { train, heldOut } = splitDocuments(documents, rule)
        expect(heldOut.length).toBe(Math.round(count * 0.2))
        expect([...train, ...heldOut].toSorted((a, b) => a - b)).toEqual(documents)
        expect(heldOut).toEqual(heldOut.toSorted((a, b) => a - b))
        expect(splitDocuments(documents, rule)).toEqual({ train, heldOut })
      }),
    )
  })

  it.each([
    [{ last: 10 }, /leaves none to train on/],
    [{ every: 11 }, /leaves none to hold out/],
    [{ fraction: 0.01 }, /leaves none to hold out/],
    [{ last: 0 }, /cannot be held out by/],
    [{ every: 1 }, /cannot be held out by/],
    [{ fraction: 1 }, /cannot be held out by/],
    [{ fraction: 0.5, seed: -1 }, /cannot be held out by/],
  ])('refuses %o', (rule, message) => {
    expect(() => splitDocuments(ten, rule)).toThrow(message)
  })
})
