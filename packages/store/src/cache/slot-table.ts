import { createAhead } from './ahead.ts'
import { CACHE_LISTS, type CachePlan } from './cache-memory.ts'
import type { CacheMeter } from './cache-meter.ts'
import type { CachePolicyKind } from './policy.ts'
import { createRowIndex } from './row-index.ts'
import { createSlotLists } from './slot-lists.ts'
import {
  ANNOUNCED,
  DIRTY,
  DROPPED,
  FROZEN,
  LEAVING,
  LOADED,
  LOADING,
  NONE,
  PIN,
  UNUSED,
  WRITING,
} from './slot-state.ts'

/**
 * What is in which slot, and what may become of it. A slot is free; or it holds a row that is pinned, or idle (the policy's),
 * or ahead (prefetched, given up last), or leaving (to be written first); or its I/O is under way. Nothing here waits.
 */
export interface SlotTable {
  readonly keys: Uint32Array
  /** The flags of each slot, and `PIN` times the number of its users. */
  readonly state: Uint32Array
  readonly resident: number
  readonly pinned: number
  readonly dirty: number
  /** Slots that will be free once their rows are written. */
  readonly leaving: number
  /** The slot of a key, loaded or loading; -1 if there is none. */
  find(key: number): number
  /** Somebody uses the row: it stays until it is unpinned. */
  pin(slot: number): void
  /** Pins those of a lease's rows that have slots, which it fills in, NONE for the others. Returns how many can be used. */
  pinAll(keys: Uint32Array, slots: Uint32Array): number
  /** Ends a use of rows: all changed, or none, or those with a flag. Passes over NONE. */
  unpinAll(slots: Uint32Array, changed: boolean | Uint8Array): void
  /** A free slot, if need be that of a clean row; -1 if there is none yet. Dirty rows begin to leave, up to `wanted`. */
  takeRoom(wanted: number, evenAhead: boolean): number
  /** Gives a free slot to a row that is not loaded yet. */
  assign(slot: number, key: number, prefetched: boolean): void
  /** The row will be used: it is the last to be given up. */
  keep(slot: number): void
  /** Dirty rows that have to be written before their slots are free: their keys, as many as fit. */
  collectLeaving(into: Uint32Array): number
  isLeaving(slot: number): boolean
  /** Whether a row is there, to be used. */
  isUsable(slot: number): boolean
  /** A row that is written straight from its slot cannot be used until that has ended. */
  beginWrite(slot: number, fromSlot: boolean): void
  endWrite(slot: number, written: boolean): void
  beginRead(slot: number): void
  endRead(slot: number, read: boolean): void
  /** Forgets a row that is not pinned. */
  drop(slot: number): void
  /** To be called at each lease: prefetched rows that nobody comes for lose their privilege. */
  tick(): void
}

export function createSlotTable(plan: CachePlan, kind: CachePolicyKind, meter: CacheMeter): SlotTable {
  const { slots: capacity } = plan
  const [FREE, AHEAD, LEAVE] = [kind.lists, kind.lists + 1, kind.lists + 2]
  const keys = new Uint32Array(capacity)
  const state = new Uint32Array(capacity)
  const index = createRowIndex(capacity, keys)
  const lists = createSlotLists(capacity, kind.lists + CACHE_LISTS)
  const ahead = createAhead(lists, AHEAD, state)
  const policy = kind.create({ slots: capacity, lists, keys, isHeld: (slot) => state[slot]! >= PIN })
  for (let slot = 0; slot < capacity; slot++) lists.push(FREE, slot)

  let resident = 0
  let pinned = 0
  let dirty = 0
  let leaving = 0

  const empty = (slot: number): void => {
    state[slot] = 0
    lists.push(FREE, slot)
  }
  /** Takes an unlinked slot from its row. */
  const forget = (slot: number): void => {
    if (state[slot]! & UNUSED) meter.prefetchWasted++
    index.remove(slot)
    policy.remove(slot)
    resident--
  }
  const evict = (slot: number): void => {
    forget(slot)
    meter.evictions++
    empty(slot)
  }
  const stay = (slot: number): void => {
    if ((state[slot]! & LEAVING) === 0) return
    state[slot]! &= ~LEAVING
    leaving--
  }
  /** Somebody has come for a row that was prefetched, or is about to leave. */
  const greet = (slot: number): void => {
    ahead.unlink(slot)
    stay(slot)
    if (state[slot]! & UNUSED) meter.prefetchUsed++
    state[slot]! &= ~UNUSED
    ahead.come(slot)
  }
  const pin = (slot: number): void => {
    if (state[slot]! & (ANNOUNCED | UNUSED | LEAVING)) greet(slot)
    policy.use(slot)
    if (state[slot]! < PIN) pinned++
    state[slot]! += PIN
  }
  /** Puts a slot that is neither in use nor in one of the cache's lists where it belongs now. */
  const settle = (slot: number): void => {
    const now = state[slot]!
    if (now >= PIN || now & LOADING) return
    if (now & DROPPED) {
      if ((now & WRITING) === 0) empty(slot)
    } else if ((now & LOADED) === 0) {
      forget(slot)
      empty(slot)
    } else if (now & LEAVING) {
      if (now & (DIRTY | WRITING)) return
      stay(slot)
      evict(slot)
    } else if (now & ANNOUNCED) {
      policy.hold(slot)
      lists.push(AHEAD, slot)
    } else policy.idle(slot)
  }
  /** Gives up one slot, at once or once its row is written; false if none can be. */
  const giveUp = (evenAhead: boolean): boolean => {
    let slot = policy.victim()
    if (slot < 0 && evenAhead) {
      slot = ahead.takeLast()
    }
    if (slot < 0) return false
    if (state[slot]! & (DIRTY | WRITING)) {
      state[slot]! |= LEAVING
      leaving++
      if (state[slot]! & DIRTY) lists.push(LEAVE, slot)
    } else evict(slot)
    return true
  }

  return {
    keys,
    state,
    get resident() {
      return resident
    },
    get pinned() {
      return pinned
    },
    get dirty() {
      return dirty
    },
    get leaving() {
      return leaving
    },
    find: index.find,
    pin,

    // These two are all that a lease of rows that are there does, which is why they are written out.
    pinAll(batch, slots) {
      let usable = 0
      let fresh = 0
      for (let i = 0; i < batch.length; i++) {
        const slot = index.find(batch[i]!)
        if (slot < 0) {
          slots[i] = NONE
          continue
        }
        slots[i] = slot
        const now = state[slot]!
        if (now & (ANNOUNCED | UNUSED | LEAVING)) pin(slot)
        else {
          policy.use(slot)
          if (now < PIN) fresh++
          state[slot] = now + PIN
        }
        if ((now & (LOADED | FROZEN)) === LOADED) usable++
      }
      pinned += fresh
      return usable
    },
    unpinAll(slots, changed) {
      const all = changed === true ? DIRTY : 0
      const some = typeof changed === 'boolean' ? undefined : changed
      let soiled = 0
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i]!
        if (slot === NONE) continue
        const before = state[slot]!
        const now = (before | (some && some[i] !== 0 ? DIRTY : all)) - PIN
        if ((now ^ before) & DIRTY) soiled++
        state[slot] = now
        if (now >= PIN) continue
        pinned--
        if ((now & ~(DIRTY | WRITING)) === LOADED) policy.idle(slot)
        else settle(slot)
      }
      dirty += soiled
    },

    takeRoom(wanted, evenAhead) {
      for (;;) {
        const slot = lists.first(FREE)
        if (slot >= 0) {
          lists.unlink(slot)
          return slot
        }
        if (leaving >= wanted || !giveUp(evenAhead)) return -1
      }
    },
    assign(slot, key, prefetched) {
      keys[slot] = key
      index.add(slot)
      policy.insert(slot)
      resident++
      if (!prefetched) return
      state[slot]! |= UNUSED
      ahead.announce(slot)
    },
    keep(slot) {
      if (!ahead.announce(slot)) return
      if (state[slot]! >= PIN || state[slot]! & LOADING) return
      if (state[slot]! & LEAVING) {
        lists.unlink(slot)
        stay(slot)
      } else policy.hold(slot)
      lists.push(AHEAD, slot)
    },
    collectLeaving(into) {
      let count = 0
      for (let slot = lists.first(LEAVE); slot >= 0 && count < into.length; slot = lists.after(slot)) {
        into[count++] = keys[slot]!
      }
      return count
    },
    isLeaving: (slot) => (state[slot]! & LEAVING) !== 0,
    isUsable: (slot) => (state[slot]! & (LOADED | FROZEN)) === LOADED,
    beginWrite(slot, fromSlot) {
      if (state[slot]! & LEAVING) lists.unlink(slot)
      state[slot] = (state[slot]! & ~DIRTY) | WRITING | (fromSlot ? FROZEN : 0)
      dirty--
    },
    endWrite(slot, written) {
      state[slot]! &= ~(WRITING | FROZEN)
      if (state[slot]! & DROPPED) return settle(slot)
      if (!written && (state[slot]! & DIRTY) === 0) {
        state[slot]! |= DIRTY
        dirty++
      }
      if ((state[slot]! & LEAVING) === 0) return
      if (!written) {
        lists.unlink(slot)
        stay(slot)
      }
      settle(slot)
    },
    beginRead(slot) {
      state[slot]! |= LOADING
    },
    endRead(slot, read) {
      state[slot]! &= ~LOADING
      if (read) state[slot]! |= LOADED
      settle(slot)
    },
    drop(slot) {
      const now = state[slot]!
      if ((now & LOADING) === 0) {
        if (now & (LEAVING | ANNOUNCED)) ahead.unlink(slot)
        else policy.hold(slot)
      }
      stay(slot)
      if (now & DIRTY) dirty--
      forget(slot)
      state[slot] = (now & (LOADING | WRITING)) | DROPPED
      settle(slot)
    },
    tick: () => ahead.tick((slot) => policy.idle(slot)),
  }
}
