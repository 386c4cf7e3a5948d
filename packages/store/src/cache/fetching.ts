import type { CachePlan } from './cache-memory.ts'
import type { CacheMeter } from './cache-meter.ts'
import type { Changes } from './changes.ts'
import type { IoBuffer } from './io-buffers.ts'
import { LOADED, LOADING, NONE } from './slot-state.ts'
import type { SlotTable } from './slot-table.ts'
import type { Failure, Transfers } from './transfers.ts'
import type { WriteBack } from './write-back.ts'

/** Gets rows that are absent. Keys are ascending. */
export interface Fetching {
  /** Slots that leases under way are still going to take. They and the pinned ones are never more than there are. */
  readonly reserved: number
  /** Before `fetch`: room for so many rows that have no slot. */
  reserve(rows: number): void
  /**
   * Waits until all rows are loaded, reading them if nobody else does. Those that have a slot are pinned by the caller,
   * for the others, reserved, this gives and pins one.
   */
  fetch(keys: Uint32Array, slots: Uint32Array, signal: AbortSignal | undefined): Promise<void>
  /** Reads rows that are absent, as far as there is room for them which nobody needs more. */
  prefetch(keys: Uint32Array, signal: AbortSignal | undefined): Promise<void>
}

interface FetchingParts {
  readonly table: SlotTable
  readonly plan: CachePlan
  readonly transfers: Transfers
  readonly writeBack: WriteBack
  readonly changes: Changes
  readonly meter: CacheMeter
  /** Throws once the cache is disposed. */
  readonly checkOpen: () => void
  readonly isDisposed: () => boolean
}

export function createFetching(parts: FetchingParts): Fetching {
  const { table, plan, transfers, writeBack, changes, meter, checkOpen, isDisposed } = parts
  const { state } = table
  let reserved = 0

  const isThere = (slot: number): boolean => slot !== NONE && table.isUsable(slot)
  const isComing = (slot: number): boolean => slot !== NONE && (state[slot]! & (LOADED | LOADING)) !== 0

  /** The slot of a row that has been reserved; NONE if there is no room yet. */
  const takeReserved = (key: number): number => {
    let slot = table.find(key) // by now somebody else may have asked for it
    if (slot < 0) {
      slot = table.takeRoom(reserved, true)
      if (slot < 0) return NONE
      table.assign(slot, key, false)
    }
    reserved--
    table.pin(slot)
    return slot
  }

  /** Begins to read rows, from row `first` on, as far as there are slots and buffers for them now. */
  const readAbsent = (keys: Uint32Array, slots: Uint32Array, first: number, read: (buffer: IoBuffer) => void): void => {
    let buffer: IoBuffer | undefined
    for (let i = first; i < keys.length; i++) {
      if (isComing(slots[i]!)) continue
      buffer ??= transfers.takeBuffer(true)
      if (!buffer) break
      if (slots[i] === NONE) {
        slots[i] = takeReserved(keys[i]!)
        if (slots[i] === NONE) break
        if (isComing(slots[i]!)) continue
      }
      if (append(buffer, keys[i]!, slots[i]!) < plan.bufferRows) continue
      read(buffer)
      buffer = undefined
    }
    if (buffer && buffer.count > 0) read(buffer)
    else if (buffer) transfers.giveBuffer(buffer)
    writeBack.start()
  }

  /** Takes room for rows that are absent, from row `first` on, as far as there is some now. Returns how far it came. */
  const fillAhead = (buffer: IoBuffer, keys: Uint32Array, first: number): number => {
    for (let i = first; i < keys.length; i++) {
      if (buffer.count === plan.bufferRows) return i
      if (table.find(keys[i]!) >= 0) continue
      const slot = table.takeRoom(Math.min(keys.length - i, plan.buffers * plan.bufferRows), false)
      if (slot < 0) return i
      table.assign(slot, keys[i]!, true)
      append(buffer, keys[i]!, slot)
    }
    return keys.length
  }

  return {
    get reserved() {
      return reserved
    },
    reserve: (rows) => void (reserved += rows),

    async fetch(keys, slots, signal) {
      let first = 0 // those before it are there
      let broken: Failure | undefined
      const isDone = (): boolean => {
        while (first < keys.length && isThere(slots[first]!)) first++
        return first === keys.length
      }
      const read = (buffer: IoBuffer): void =>
        transfers.read(buffer, signal, (failure) => {
          broken ??= failure
        })
      try {
        while (!isDone()) {
          checkOpen()
          signal?.throwIfAborted()
          writeBack.throwFailure()
          if (broken) throw broken.error
          readAbsent(keys, slots, first, read)
          if (!isDone()) await changes.next(signal) // others may have fetched the rest meanwhile
        }
        checkOpen()
        changes.notify() // nothing is reserved any more
      } catch (error) {
        for (const slot of slots) if (slot === NONE) reserved--
        table.unpinAll(slots, false)
        changes.notify()
        throw error
      }
    },

    async prefetch(keys, signal) {
      for (const key of keys) {
        const slot = table.find(key)
        if (slot >= 0) table.keep(slot)
      }
      const { failures } = writeBack
      let underWay = 0
      let broken: Failure | undefined
      const read = (buffer: IoBuffer): void => {
        underWay++
        meter.prefetched += buffer.count
        transfers.read(buffer, signal, (failure) => {
          underWay--
          broken ??= failure
        })
      }
      for (let next = 0; !isDisposed();) {
        signal?.throwIfAborted()
        if (broken) throw broken.error
        // Leases go first, with their slots and with the last buffer.
        const buffer = next < keys.length && reserved === 0 ? transfers.takeBuffer(false) : undefined
        if (buffer) {
          next = fillAhead(buffer, keys, next)
          writeBack.start()
          if (buffer.count > 0) {
            read(buffer)
            continue
          }
          transfers.giveBuffer(buffer)
          if (next < keys.length && (table.leaving === 0 || writeBack.failures > failures)) {
            meter.prefetchRefused += keys.length - next
            next = keys.length
          }
        }
        if (next === keys.length && underWay === 0) return
        await changes.next(signal)
      }
    },
  }
}

/** Returns how many rows are in the buffer now. */
function append(buffer: IoBuffer, key: number, slot: number): number {
  buffer.keys[buffer.count] = key
  buffer.slots[buffer.count] = slot
  return ++buffer.count
}
