import type { RowLock } from '../../row-driver.ts'
import { check, type Promises, type WritableRows } from './bench.ts'
import { checkAborts, checkRejects } from './settling.ts'

type Lockable = WritableRows & Required<Pick<WritableRows, 'lock'>>

function lockable(driver: WritableRows): Lockable {
  check(driver.lock !== undefined, 'the driver should have lock')
  return driver as Lockable
}

function checkHeld(lock: RowLock): void {
  check(lock.lost instanceof AbortSignal && !lock.lost.aborted, 'a lock that is held should not be lost')
}

export const locks: Promises = {
  'lock: is held by one at a time': async (bench) => {
    const driver = lockable(await bench.open())
    const first = await driver.lock()
    checkHeld(first)
    await checkRejects(() => driver.lock(), 'conflict', 'a second lock')
    checkHeld(first)
    await first.release()
    const second = await driver.lock()
    checkHeld(second)
    await first.release()
    await checkRejects(() => driver.lock(), 'conflict', 'a lock while the second is held, the first released twice')
    await second.release()
  },

  'lock: of those that race for it exactly one gets it': async (bench) => {
    const driver = lockable(await bench.open())
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => driver.lock()))
    const held = results.filter((result) => result.status === 'fulfilled')
    check(held.length === 1, `one of six racing locks should be held, ${held.length} are`)
    await held[0]!.value.release()
  },

  'lock: stops when aborted before it, and when disposed': async (bench) => {
    const driver = lockable(await bench.open())
    const reason = new Error('enough')
    await checkAborts(() => driver.lock({ signal: AbortSignal.abort(reason) }), reason, 'a lock')
    await (await driver.lock()).release()
    await driver.dispose()
    await checkRejects(() => driver.lock(), undefined, 'a lock after dispose')
  },
}

/** Where the same rows can be opened twice. */
export const sharedLocks: Promises = {
  'lock: keeps out whoever else has opened the same rows': async (bench) => {
    const one = lockable(await bench.open())
    await one.flush?.()
    const other = lockable(await bench.reopen!(one))
    const lock = await one.lock()
    await checkRejects(() => other.lock(), 'conflict', 'a lock of rows that somebody else has locked')
    await lock.release()
    const second = await other.lock()
    await checkRejects(() => one.lock(), 'conflict', 'a lock of rows that somebody else has locked since')
    await second.release()
    await (await one.lock()).release()
  },

  'lock: is free once its holder is disposed': async (bench) => {
    const one = lockable(await bench.open())
    await one.flush?.()
    const other = lockable(await bench.reopen!(one))
    await one.lock()
    await one.dispose()
    const lock = await other.lock()
    checkHeld(lock)
    await lock.release()
  },
}
