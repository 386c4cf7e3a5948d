import type { CachePlan } from './cache-memory.ts'
import type { CacheMeter } from './cache-meter.ts'
import type { RowSource } from './cache-types.ts'
import type { Changes } from './changes.ts'
import { createIoBuffers, type IoBuffer } from './io-buffers.ts'
import { DIRTY, type SlotTable } from './slot-table.ts'

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
  /**
   * Writes rows that `collect` names, in order, one round at a time, until there are none, or one fails. Of those it
   * takes what is dirty and still `due` by then. No row is ever in two writes at once.
   */
  write(
    collect: (into: Uint32Array) => number,
    due: (slot: number) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void>
  /** Resolves once nothing is under way. */
  idle(): Promise<void>
}

interface TransfersParts {
  readonly source: RowSource
  readonly table: SlotTable
  readonly plan: CachePlan
  readonly stride: number
  readonly memory: () => Uint8Array
  readonly meter: CacheMeter
  readonly changes: Changes
}

export function createTransfers({ source, table, plan, stride, memory, meter, changes }: TransfersParts): Transfers {
  const { rowBytes } = source
  const buffers = createIoBuffers(plan, rowBytes)
  const round = new Uint32Array(plan.roundRows)
  let turn: Promise<unknown> = Promise.resolve() // ends when nobody uses `round`
  let underWay = 0
  const isBusy = (): boolean => underWay > 0

  const rowOf = (slot: number): Uint8Array => memory().subarray(slot * stride, slot * stride + rowBytes)

  /** Where the rows of a buffer can be read to without copying: their slots, if these lie side by side. */
  const inPlace = ({ slots, count }: IoBuffer): Uint8Array | undefined => {
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

  const writeBuffer = (buffer: IoBuffer, signal: AbortSignal | undefined, failures: Failure[]): Promise<void> => {
    const { keys, slots, count } = buffer
    return transfer(
      buffer,
      async () => {
        await source.write!(keys.subarray(0, count), buffer.bytes.subarray(0, count * rowBytes), optionsOf(signal))
        meter.rowsWritten += count
      },
      (failure) => {
        for (let i = 0; i < count; i++) table.endWrite(slots[i]!, !failure)
        if (failure) failures.push(failure)
      },
    )
  }

  /** Writes one round. */
  const writeRound = async (
    keys: Uint32Array,
    due: (slot: number) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const writes: Promise<void>[] = []
    const failures: Failure[] = []
    const stopped = (): boolean => failures.length > 0 || signal?.aborted === true
    for (let next = 0; next < keys.length && !stopped();) {
      const buffer = buffers.take(true)
      if (!buffer) {
        await changes.next()
        continue
      }
      for (; next < keys.length && buffer.count < plan.bufferRows; next++) {
        const slot = table.find(keys[next]!)
        if (slot < 0 || (table.flags[slot]! & DIRTY) === 0 || !due(slot)) continue
        buffer.bytes.set(rowOf(slot), buffer.count * rowBytes)
        buffer.keys[buffer.count] = keys[next]!
        buffer.slots[buffer.count++] = slot
        table.beginWrite(slot)
      }
      if (buffer.count === 0) buffers.give(buffer)
      else writes.push(writeBuffer(buffer, signal, failures))
    }
    await Promise.all(writes)
    if (failures[0]) throw failures[0].error
  }

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
          const direct = inPlace(buffer)
          const into = direct ?? buffer.bytes.subarray(0, count * rowBytes)
          await source.read(keys.subarray(0, count), into, optionsOf(signal))
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

    async write(collect, due, signal) {
      for (;;) {
        signal?.throwIfAborted()
        const before = turn
        const mine = Promise.withResolvers<void>()
        turn = mine.promise
        try {
          await before
          const count = collect(round)
          if (count === 0) return
          const keys = round.subarray(0, count)
          keys.sort() // oxlint-disable-line unicorn/no-array-sort -- in place: a copy would not be in the budget
          await writeRound(keys, due, signal)
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
