import type { CachePolicyKind } from './policy.ts'

/** Gives up the row that nobody has used for the longest time. */
export const lru: CachePolicyKind = {
  name: 'lru',
  lists: 1,
  bytes: () => 0,
  create({ lists }) {
    return {
      insert() {},
      use: (slot) => lists.unlink(slot),
      idle: (slot) => lists.push(0, slot),
      hold: (slot) => lists.unlink(slot),
      victim() {
        const slot = lists.first(0)
        if (slot >= 0) lists.unlink(slot)
        return slot
      },
      remove() {},
    }
  },
}
