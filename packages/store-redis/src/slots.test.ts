import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { homeOf, shardsOf, slotOf, SLOTS } from './slots.ts'

describe('slots', () => {
  test('are those of the cluster specification', () => {
    // The specification's own check value, and what CLUSTER KEYSLOT of a server says.
    expect(slotOf('123456789')).toBe(0x31c3 % SLOTS)
    expect(slotOf('foo')).toBe(12182)
    expect(slotOf('bar')).toBe(5061)
  })
})

describe('shards', () => {
  const prefixes = fc.stringMatching(/^[a-z0-9:.-]{1,20}$/)

  test('have slots of their own, one in each equal part of all slots', () => {
    fc.assert(
      fc.property(prefixes, fc.integer({ min: 1, max: 64 }), (prefix, count) => {
        const shards = shardsOf(prefix, count)
        shards.forEach(({ keys, slot }, part) => {
          expect(slot).toBe(slotOf(/^\{(.*)\}$/.exec(keys)![1]!))
          expect(Math.floor((slot * count) / SLOTS)).toBe(part)
        })
        expect(new Set([...shards, homeOf(prefix)].map(({ keys }) => keys)).size).toBe(count + 1)
      }),
      { numRuns: 30 },
    )
  })

  test('fall to nodes evenly, whatever the number of nodes', () => {
    fc.assert(
      fc.property(prefixes, fc.integer({ min: 1, max: 16 }), (prefix, nodes) => {
        const shards = shardsOf(prefix, 64)
        const perNode = Array.from({ length: nodes }, () => 0)
        for (const { slot } of shards) perNode[Math.floor((slot * nodes) / SLOTS)]!++
        for (const count of perNode) expect(Math.abs(count - 64 / nodes)).toBeLessThan(2)
      }),
      { numRuns: 30 },
    )
  })
})
