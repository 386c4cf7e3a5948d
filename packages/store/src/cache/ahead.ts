import type { SlotLists } from './slot-lists.ts'
import { ANNOUNCED } from './slot-state.ts'

/** Leases after which a prefetched row that is still unused counts as any other; at most twice as many. */
const PATIENCE = 64
const MOST_ANNOUNCED = 255

/**
 * Rows that leases are announced for. Those of them that nobody uses yet are ahead: in a list of their own, what is needed
 * soonest at its front, to be given up last. Where nobody comes, that ends in time.
 */
export interface Ahead {
  /** A lease of the row will come. Whether it is the only one. */
  announce(slot: number): boolean
  /** One has come, if any was to. */
  come(slot: number): void
  /** Takes a slot out of the list that it is in, this one or another. */
  unlink(slot: number): void
  /** The slot that is needed last, which is announced no more; -1 if there is none. */
  takeLast(): number
  /** To be called at each lease. Hands over rows that have been ahead for long, which are announced no more. */
  tick(giveBack: (slot: number) => void): void
}

export function createAhead(lists: SlotLists, list: number, state: Uint32Array): Ahead {
  const announced = new Uint8Array(state.length) // how many leases, where ANNOUNCED
  let leases = 0
  let mark = -1 // the last of the rows ahead when `PATIENCE` leases began

  const unlink = (slot: number): void => {
    if (slot === mark) mark = lists.before(slot)
    lists.unlink(slot)
  }
  const revoke = (slot: number): void => {
    unlink(slot)
    state[slot]! &= ~ANNOUNCED
  }

  return {
    announce(slot) {
      if (state[slot]! & ANNOUNCED) {
        if (announced[slot]! < MOST_ANNOUNCED) announced[slot]!++
        return false
      }
      state[slot]! |= ANNOUNCED
      announced[slot] = 1
      return true
    },
    come(slot) {
      if (state[slot]! & ANNOUNCED && --announced[slot]! === 0) state[slot]! &= ~ANNOUNCED
    },
    unlink,
    takeLast() {
      const slot = lists.last(list)
      if (slot >= 0) revoke(slot)
      return slot
    },
    tick(giveBack) {
      if (++leases % PATIENCE !== 0) return
      const last = mark
      for (let slot = -1; slot !== last;) {
        slot = lists.first(list)
        revoke(slot)
        giveBack(slot)
      }
      mark = lists.last(list)
    },
  }
}
