import type { Changes } from './changes.ts'
import { DIRTY } from './slot-state.ts'
import type { SlotTable } from './slot-table.ts'
import type { Failure, Transfers } from './transfers.ts'

/** Writes dirty rows: because their slots are wanted, or all of them. */
export interface WriteBack {
  /** How often a write that nobody waits for has failed. */
  readonly failures: number
  /** Begins to write the rows that are leaving, if this is not under way. */
  start(): void
  /** Throws the error of a write that nobody waited for, once. */
  throwFailure(): void
  flush(signal: AbortSignal | undefined): Promise<void>
}

export function createWriteBack(table: SlotTable, transfers: Transfers, changes: Changes): WriteBack {
  let writing = false
  let failures = 0
  let failure: Failure | undefined

  const writeLeaving = async (): Promise<void> => {
    writing = true
    const failed = (reason: Failure): void => {
      failures++
      failure = reason
    }
    await transfers.write({ collect: table.collectLeaving, isDue: table.isLeaving, failed }).catch(() => {})
    writing = false
    changes.notify()
  }

  return {
    get failures() {
      return failures
    },
    start() {
      if (!writing && table.leaving > 0) void writeLeaving()
    },
    throwFailure() {
      if (!failure) return
      const { error } = failure
      failure = undefined
      throw error
    },
    async flush(signal) {
      const { keys, state } = table
      const before = failure
      let next = 0
      const collect = (into: Uint32Array): number => {
        let count = 0
        for (; next < keys.length && count < into.length; next++) {
          if (state[next]! & DIRTY) into[count++] = keys[next]!
        }
        return count
      }
      await transfers.write({ collect, isDue: () => true, signal })
      // What could not be written then, is now.
      if (failure === before || table.dirty === 0) failure = undefined
    },
  }
}
