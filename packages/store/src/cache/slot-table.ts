import { CACHE_LISTS, type CachePlan } from './cache-memory.ts'
import type { CacheMeter } from './cache-meter.ts'
import type { CachePolicyKind } from './policy.ts'
import { createRowIndex } from './row-index.ts'
import { createSlotLists } from './slot-lists.ts'

/** The row's bytes are in the slot. */
export const LOADED = 1
/** They are being read into it. */
export const LOADING = 2
/** They are newer than the source's. */
export const DIRTY = 4
/** They are being written to the source, as they were when that began. */
const WRITING = 8
/** The slot is given up once the row is clean, unless somebody asks for the row before. */
const LEAVING = 16
/** The row was forgotten; the slot is free once its I/O is over. */
const DROPPED = 32
/** The row was prefetched, and nobody has used it yet. */
const UNUSED = 64

/** Leases after which a prefetched row that is still unused counts as any other; at most twice as many. */
const PATIENCE = 64
const MOST_AHEAD = 255

/**
 * What is in which slot, and what may become of it. A slot is free; or it holds a row that is pinned, or idle (the policy's),
 * or ahead (prefetched, given up last), or leaving (to be written first); or its I/O is under way. Nothing here waits.
 */
export interface SlotTable {
  readonly keys: Uint32Array
  readonly flags: Uint8Array
  readonly pins: Uint32Array
  readonly resident: number
  readonly pinned: number
  readonly dirty: number
  /** Slots that will be free once their rows are written. */
  readonly leaving: number
  /** The slot of a key, loaded or loading; -1 if there is none. */
  find(key: number): number
  /** Somebody uses the row: it stays until it is unpinned. */
  pin(slot: number): void
  unpin(slot: number): void
  /** A free slot, if need be that of a clean row; -1 if there is none yet. Dirty rows begin to leave, up to `wanted`. */
  takeRoom(wanted: number, evenAhead: boolean): number
  /** Gives a free slot to a row that is not loaded yet. */
  assign(slot: number, key: number, prefetched: boolean): void
  /** The row will be used: it is the last to be given up. */
  keep(slot: number): void
  markDirty(slot: number): void
  /** Dirty rows that have to be written before their slots are free: their keys, as many as fit. */
  collectLeaving(into: Uint32Array): number
  isLeaving(slot: number): boolean
  beginWrite(slot: number): void
  endWrite(slot: number, written: boolean): void
  beginRead(slot: number): void
  endRead(slot: number, read: boolean): void
  /** Forgets a row that is not pinned. */
  drop(slot: number): void
  /** To be called at each lease: prefetched rows that nobody comes for lose their privilege. */
  tick(): void
}

export function createSlotTable(plan: CachePlan, kind: CachePolicyKind, meter: CacheMeter): SlotTable {
  const { slots } = plan
  const [FREE, AHEAD, LEAVE] = [kind.lists, kind.lists + 1, kind.lists + 2]
  const keys = new Uint32Array(slots)
  const pins = new Uint32Array(slots)
  const flags = new Uint8Array(slots)
  const ahead = new Uint8Array(slots) // prefetches that announced the row and whose lease has not come
  const index = createRowIndex(slots, keys)
  const lists = createSlotLists(slots, kind.lists + CACHE_LISTS)
  const policy = kind.create(slots, lists, keys)
  for (let slot = 0; slot < slots; slot++) lists.push(FREE, slot)

  let resident = 0
  let pinned = 0
  let dirty = 0
  let leaving = 0
  let leases = 0
  let mark = -1 // the last of the rows ahead when `PATIENCE` leases began

  const empty = (slot: number): void => {
    flags[slot] = 0
    ahead[slot] = 0
    lists.push(FREE, slot)
  }
  /** Takes an unlinked slot from its row. */
  const forget = (slot: number): void => {
    if (flags[slot]! & UNUSED) meter.prefetchWasted++
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
    if ((flags[slot]! & LEAVING) === 0) return
    flags[slot]! &= ~LEAVING
    leaving--
  }
  const unlinkAhead = (slot: number): void => {
    if (slot === mark) mark = lists.before(slot)
    lists.unlink(slot)
  }
  /** Puts a slot that is in no list where it belongs now. */
  const settle = (slot: number): void => {
    const state = flags[slot]!
    if (pins[slot]! > 0 || state & LOADING) return
    if (state & DROPPED) {
      if ((state & WRITING) === 0) empty(slot)
    } else if ((state & LOADED) === 0) {
      forget(slot)
      empty(slot)
    } else if (state & LEAVING) {
      if ((state & (DIRTY | WRITING)) === 0) {
        stay(slot)
        evict(slot)
      }
    } else if (ahead[slot]! > 0) lists.push(AHEAD, slot)
    else policy.idle(slot)
  }
  /** Gives up one slot, at once or once its row is written; false if none can be. */
  const giveUp = (evenAhead: boolean): boolean => {
    let slot = policy.victim()
    if (slot < 0 && evenAhead) {
      slot = lists.last(AHEAD) // what is needed soonest is at the front
      if (slot >= 0) unlinkAhead(slot)
      ahead[slot] = 0
    }
    if (slot < 0) return false
    if (flags[slot]! & (DIRTY | WRITING)) {
      flags[slot]! |= LEAVING
      leaving++
      if (flags[slot]! & DIRTY) lists.push(LEAVE, slot)
    } else evict(slot)
    return true
  }

  return {
    keys,
    flags,
    pins,
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

    pin(slot) {
      if (slot === mark) mark = lists.before(slot)
      policy.use(slot)
      if (pins[slot]!++ === 0) pinned++
      if (ahead[slot]! > 0) ahead[slot]!--
      const state = flags[slot]!
      if (state & UNUSED) {
        meter.prefetchUsed++
        flags[slot] = state & ~UNUSED
      }
      if (state & LEAVING) stay(slot)
    },
    unpin(slot) {
      if (--pins[slot]! > 0) return
      pinned--
      settle(slot)
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
      flags[slot]! |= UNUSED
      ahead[slot] = 1
    },
    keep(slot) {
      const already = ahead[slot]! > 0
      if (ahead[slot]! < MOST_AHEAD) ahead[slot]!++
      if (already || pins[slot]! > 0 || flags[slot]! & LOADING) return
      if (flags[slot]! & LEAVING) {
        lists.unlink(slot)
        stay(slot)
      } else policy.hold(slot)
      lists.push(AHEAD, slot)
    },
    markDirty(slot) {
      if (flags[slot]! & DIRTY) return
      flags[slot]! |= DIRTY
      dirty++
    },
    collectLeaving(into) {
      let count = 0
      for (let slot = lists.first(LEAVE); slot >= 0 && count < into.length; slot = lists.after(slot)) {
        into[count++] = keys[slot]!
      }
      return count
    },
    isLeaving: (slot) => (flags[slot]! & LEAVING) !== 0,
    beginWrite(slot) {
      if (flags[slot]! & LEAVING) lists.unlink(slot)
      flags[slot] = (flags[slot]! & ~DIRTY) | WRITING
      dirty--
    },
    endWrite(slot, written) {
      flags[slot]! &= ~WRITING
      if (flags[slot]! & DROPPED) return settle(slot)
      if (!written && (flags[slot]! & DIRTY) === 0) {
        flags[slot]! |= DIRTY
        dirty++
      }
      if ((flags[slot]! & LEAVING) === 0) return
      if (!written) {
        lists.unlink(slot)
        stay(slot)
      }
      settle(slot)
    },
    beginRead(slot) {
      flags[slot]! |= LOADING
    },
    endRead(slot, read) {
      flags[slot]! &= ~LOADING
      if (read) flags[slot]! |= LOADED
      settle(slot)
    },
    drop(slot) {
      const state = flags[slot]!
      if ((state & LOADING) === 0) {
        if (state & LEAVING) lists.unlink(slot)
        else if (ahead[slot]! > 0) unlinkAhead(slot)
        else policy.hold(slot)
      }
      stay(slot)
      if (state & DIRTY) dirty--
      forget(slot)
      flags[slot] = (state & (LOADING | WRITING)) | DROPPED
      settle(slot)
    },
    tick() {
      if (++leases % PATIENCE !== 0) return
      const last = mark
      for (let slot = -1; slot !== last;) {
        slot = lists.first(AHEAD)
        unlinkAhead(slot)
        ahead[slot] = 0
        policy.idle(slot)
      }
      mark = lists.last(AHEAD)
    },
  }
}
