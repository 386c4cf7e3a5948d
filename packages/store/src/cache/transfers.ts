import type { BlockOptions } from '../table/row-table.ts'
import type { CachePlan } from './cache-memory.ts'
import type { CacheMeter } from './cache-meter.ts'
import type { RowSource } from './cache-types.ts'
import type { Changes } from './changes.ts'
import { createIoBuffers, type IoBuffer } from './io-buffers.ts'
import { DIRTY, PIN } from './slot-state.ts'
import type { SlotTable } from './slot-table.ts'

/** Something thrown, whatever it was. */
export interface Failure {
  readonly error: unknown
}

/** Moves rows between the slots and the source, a buffer at a time. */
export interface Transfers {
  /** A buffer to fill with rows to read, if one is free. One that can wait leaves the last of several alone. */
  takeBuffer(urgent: boolean): IoBuffer | undefined
  giveBuffer(buffer: IoBuffer): void
  /**
   * Reads the rows of a buffer, which is given back: their slots are loading until then. `settled` is told how it went
   * before anybody else is.
   */
  read(buffer: IoBuffer, signal: AbortSignal | undefined, settled: (failure: Failure | undefined) => void): void
  /** Writes rows, in order, one round at a time, until there are none, or one fails. No row is in two writes at once. */
  write(work: WriteWork): Promise<void>
  /** Resolves once nothing is under way. */
  idle(): Promise<void>
}

export interface WriteWork {
  /** Names the keys of the next round; 0 if there are none. */
  collect(into: Uint32Array): number
  /** Whether a row is still to be written when its turn has come; a clean one is not. */
  isDue(slot: number): boolean
  /** Told of a failure before anybody else is. */
  failed?(failure: Failure): void
  readonly signal?: AbortSignal | undefined
}

interface WriteBuffer {
  readonly fromSlots: boolean
  readonly signal: AbortSignal | undefined
  readonly failed: (failure: Failure) => void
}

interface TransfersParts {
  readonly source: RowSource
  readonly table: SlotTable
  readonly plan: CachePlan
  readonly stride: number
  readonly memory: () => Uint8Array
  /** Whether rows go straight between source and slots. */
  readonly inPlace: boolean
  readonly meter: CacheMeter
  readonly changes: Changes
}

export function createTransfers(parts: TransfersParts): Transfers {
  const { source, table, plan, stride, memory, inPlace, meter, changes } = parts
  const { rowBytes } = source
  const buffers = createIoBuffers(plan, rowBytes)
  const round = new Uint32Array(plan.roundRows)
  let turn: Promise<unknown> = Promise.resolve() // ends when nobody uses `round`
  let underWay = 0
  const isBusy = (): boolean => underWay > 0

  const rowOf = (slot: number): Uint8Array => memory().subarray(slot * stride, slot * stride + rowBytes)

  /** Where the rows of a buffer can be read to without copying: their slots, if these lie side by side. */
  const sideBySide = ({ slots, count }: IoBuffer): Uint8Array | undefined => {
    const first = slots[0]!
    if (count > 1 && stride !== rowBytes) return undefined
    for (let i = 1; i < count; i++) if (slots[i] !== first + i) return undefined
    return memory().subarray(first * stride, first * stride + count * rowBytes)
  }

  const transfer = async (
    buffer: IoBuffer,
    work: () => Promise<void>,
    end: (failure: Failure | undefined) => void,
  ): Promise<void> => {
    underWay++
    let failure: Failure | undefined
    try {
      await work()
    } catch (error) {
      failure = { error }
    }
    underWay--
    buffers.give(buffer)
    end(failure)
    changes.notify()
  }

  const writeBuffer = (buffer: IoBuffer, { fromSlots, signal, failed }: WriteBuffer): Promise<void> => {
    const { slots, count } = buffer
    const keys = buffer.keys.subarray(0, count)
    return transfer(
      buffer,
      async () => {
        if (fromSlots) await source.write!(keys, memory(), placesOf(buffer, signal))
        else await source.write!(keys, buffer.bytes.subarray(0, count * rowBytes), optionsOf(signal))
        meter.rowsWritten += count
      },
      (failure) => {
        for (let i = 0; i < count; i++) table.endWrite(slots[i]!, !failure)
        if (failure) failed(failure)
      },
    )
  }

  /** Names those of the rows that are to be written in a buffer, from row `first` on. Returns how far it came. */
  const fill = (
    buffer: IoBuffer,
    keys: Uint32Array,
    first: number,
    fromSlots: boolean,
    { isDue }: WriteWork,
  ): number => {
    for (let i = first; i < keys.length; i++) {
      if (buffer.count === plan.bufferRows) return i
      const slot = table.find(keys[i]!)
      if (slot < 0 || (table.state[slot]! & DIRTY) === 0 || !isDue(slot)) continue
      if (fromSlots && table.state[slot]! >= PIN) continue
      if (!fromSlots) buffer.bytes.set(rowOf(slot), buffer.count * rowBytes)
      buffer.keys[buffer.count] = keys[i]!
      buffer.slots[buffer.count++] = slot
      table.beginWrite(slot, fromSlots)
    }
    return keys.length
  }

  const writeRound = async (keys: Uint32Array, work: WriteWork): Promise<void> => {
    const { signal } = work
    const writes: Promise<void>[] = []
    const failures: Failure[] = []
    const failed = (failure: Failure): void => {
      failures.push(failure)
      work.failed?.(failure)
    }
    const isStopped = (): boolean => failures.length > 0 || signal?.aborted === true
    // Rows in use may change at any time: they are written from a copy.
    for (const fromSlots of inPlace ? [true, false] : [false]) {
      for (let next = 0; next < keys.length && !isStopped();) {
        const buffer = buffers.take(true)
        if (!buffer) {
          await changes.next()
          continue
        }
        next = fill(buffer, keys, next, fromSlots, work)
        if (buffer.count === 0) buffers.give(buffer)
        else writes.push(writeBuffer(buffer, { fromSlots, signal, failed }))
      }
    }
    await Promise.all(writes)
    if (failures[0]) throw failures[0].error
  }

  const placesOf = ({ slots, count }: IoBuffer, signal: AbortSignal | undefined): BlockOptions => ({
    at: slots.subarray(0, count),
    stride,
    ...optionsOf(signal),
  })

  return {
    takeBuffer: buffers.take,
    giveBuffer: buffers.give,

    read(buffer, signal, settled) {
      const { keys, slots, count } = buffer
      for (let i = 0; i < count; i++) table.beginRead(slots[i]!)
      const start = performance.now()
      void transfer(
        buffer,
        async () => {
          const direct = inPlace ? memory() : sideBySide(buffer)
          const into = direct ?? buffer.bytes.subarray(0, count * rowBytes)
          const how = inPlace ? placesOf(buffer, signal) : optionsOf(signal)
          await source.read(keys.subarray(0, count), into, how)
          meter.timeRead(performance.now() - start)
          meter.rowsRead += count
          if (direct) return
          for (let i = 0; i < count; i++) {
            rowOf(slots[i]!).set(buffer.bytes.subarray(i * rowBytes, (i + 1) * rowBytes))
          }
        },
        (failure) => {
          for (let i = 0; i < count; i++) table.endRead(slots[i]!, !failure)
          settled(failure)
        },
      )
    },

    async write(work) {
      for (;;) {
        work.signal?.throwIfAborted()
        const before = turn
        const mine = Promise.withResolvers<void>()
        turn = mine.promise
        try {
          await before
          const count = work.collect(round)
          if (count === 0) return
          const keys = round.subarray(0, count)
          keys.sort() // oxlint-disable-line unicorn/no-array-sort -- in place: a copy would not be in the budget
          await writeRound(keys, work)
        } finally {
          mine.resolve()
        }
      }
    },

    async idle() {
      for (let last; last !== turn; await last) last = turn
      while (isBusy()) await changes.next()
    },
  }
}

const optionsOf = (signal: AbortSignal | undefined): { signal?: AbortSignal } => (signal ? { signal } : {})
