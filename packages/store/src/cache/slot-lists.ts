/** Doubly linked lists of slots, of which each slot is in one at most. */
export interface SlotLists {
  /** The slot at the front; -1 if the list is empty. */
  first(list: number): number
  /** The slot at the back; -1 if the list is empty. */
  last(list: number): number
  /** The slot before this one; -1 at the front. */
  before(slot: number): number
  /** The slot after this one; -1 at the back. */
  after(slot: number): number
  /** Puts a slot that is in no list at the back. */
  push(list: number, slot: number): void
  /** Puts a slot that is in no list at the front. */
  unshift(list: number, slot: number): void
  /** Takes a slot out of its list, if it is in one. */
  unlink(slot: number): void
  /** Whether the slot is in a list. */
  linked(slot: number): boolean
  /** Moves all slots of one list to the back of another. */
  append(list: number, from: number): void
}

export const slotListsBytes = (slots: number, lists: number): number => 8 * (slots + lists)

/** Rings through two arrays: entry `slots + list` is where list `list` begins and ends. */
export function createSlotLists(slots: number, lists: number): SlotLists {
  const next = Uint32Array.from({ length: slots + lists }, (_, i) => i)
  const previous = next.slice()

  const insertBefore = (at: number, slot: number): void => {
    const before = previous[at]!
    next[before] = slot
    previous[slot] = before
    next[slot] = at
    previous[at] = slot
  }
  const orNone = (at: number): number => (at < slots ? at : -1)

  return {
    first: (list) => orNone(next[slots + list]!),
    last: (list) => orNone(previous[slots + list]!),
    before: (slot) => orNone(previous[slot]!),
    after: (slot) => orNone(next[slot]!),
    push: (list, slot) => insertBefore(slots + list, slot),
    unshift: (list, slot) => insertBefore(next[slots + list]!, slot),
    unlink(slot) {
      const before = previous[slot]!
      const after = next[slot]!
      next[before] = after
      previous[after] = before
      next[slot] = slot
      previous[slot] = slot
    },
    linked: (slot) => next[slot] !== slot,
    append(list, from) {
      const source = slots + from
      const first = next[source]!
      if (first === source) return
      const last = previous[source]!
      const target = slots + list
      const end = previous[target]!
      next[end] = first
      previous[first] = end
      next[last] = target
      previous[target] = last
      next[source] = source
      previous[source] = source
    },
  }
}
