import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { freePlaces } from './free-places.ts'

describe('free places', () => {
  test('are each taken once, ascending, as long as there are any', () => {
    const anyStep = fc.oneof(
      fc.record({ add: fc.nat(5000) }),
      fc.record({ range: fc.nat(9000) }),
      fc.record({ remove: fc.nat(5000) }),
      fc.record({ take: fc.nat(40) }),
    )
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const free = freePlaces()
        const model = new Set<number>()
        for (const step of steps) {
          if ('add' in step) {
            free.add(step.add)
            model.add(step.add)
          } else if ('range' in step) {
            free.addRange(step.range, step.range + 21)
            for (let i = 0; i < 21; i++) model.add(step.range + i)
          } else if ('remove' in step) {
            expect(free.remove(step.remove)).toBe(model.delete(step.remove))
          } else {
            const taken = free.take(step.take)
            expect(taken.length).toBe(Math.min(step.take, model.size))
            expect([...taken]).toEqual([...new Set(taken)].toSorted((a, b) => a - b))
            for (const place of taken) expect(model.delete(place)).toBe(true)
          }
          expect(free.count).toBe(model.size)
        }
        for (let place = 0; place < 9100; place += 7) expect(free.has(place)).toBe(model.has(place))
      }),
      { numRuns: 40 },
    )
  })

  test('that lie together are preferred to single ones', () => {
    const free = freePlaces()
    for (let place = 1; place < 1000; place += 2) free.add(place)
    free.addRange(2000, 2016)
    expect([...free.take(10)]).toEqual(Array.from({ length: 10 }, (_, i) => 2000 + i))
    expect([...free.take(8)]).toEqual([1, 3, 2010, 2011, 2012, 2013, 2014, 2015])
  })

  test('may be any of 2^32 - 1', () => {
    const free = freePlaces()
    free.addRange(2 ** 32 - 17, 2 ** 32 - 1)
    free.add(2 ** 31)
    expect(free.count).toBe(17)
    expect([...free.take(3)]).toEqual([2 ** 32 - 16, 2 ** 32 - 15, 2 ** 32 - 14])
  })
})
