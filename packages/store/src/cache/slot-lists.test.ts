import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSlotLists } from './slot-lists.ts'

test('lists of slots behave as arrays do', () => {
  const slots = 8
  const command = fc.tuple(fc.nat(3), fc.nat(slots - 1), fc.nat(2), fc.nat(2))
  fc.assert(
    fc.property(fc.array(command, { maxLength: 100 }), (commands) => {
      const lists = createSlotLists(slots, 3)
      const model: number[][] = [[], [], []]
      for (const [what, slot, list, other] of commands) {
        const linked = model.some((some) => some.includes(slot))
        expect(lists.linked(slot)).toBe(linked)
        if (what === 0 || linked) {
          lists.unlink(slot)
          for (const some of model) if (some.includes(slot)) some.splice(some.indexOf(slot), 1)
        } else if (what === 1) {
          lists.push(list, slot)
          model[list]!.push(slot)
        } else if (what === 2) {
          lists.unshift(list, slot)
          model[list]!.unshift(slot)
        } else if (list !== other) {
          lists.append(list, other)
          model[list]!.push(...model[other]!.splice(0))
        }
        for (const [i, some] of model.entries()) {
          expect(lists.first(i)).toBe(some[0] ?? -1)
          expect(lists.last(i)).toBe(some.at(-1) ?? -1)
          for (const [at, member] of some.entries()) {
            expect(lists.before(member)).toBe(at === 0 ? -1 : some[at - 1])
            expect(lists.after(member)).toBe(some[at + 1] ?? -1)
          }
        }
      }
    }),
  )
})
