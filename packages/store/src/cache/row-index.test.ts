import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRowIndex } from './row-index.ts'

test('finds what a Map finds, whatever is added and removed, full to the last slot', () => {
  const slots = 16
  // Keys that hash to neighbouring places, to the last ones among them, and any others.
  const close = fc.nat(40).map((i) => Math.imul(i, 0x144cbc89) >>> 0)
  const key = fc.oneof(close, fc.nat(60), fc.integer({ min: 2 ** 32 - 20, max: 2 ** 32 - 1 }))
  const command = fc.tuple(fc.nat(slots - 1), key)
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const keys = new Uint32Array(slots)
      const index = createRowIndex(slots, keys)
      const model = new Map<number, number>()
      for (const [slot, wanted] of commands) {
        const taken = [...model].find(([, at]) => at === slot)
        if (taken) {
          index.remove(slot)
          model.delete(taken[0])
        }
        if (!model.has(wanted)) {
          keys[slot] = wanted
          index.add(slot)
          model.set(wanted, slot)
        }
        for (const [, some] of commands) expect(index.find(some)).toBe(model.get(some) ?? -1)
      }
    }),
  )
})
