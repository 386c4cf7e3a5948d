import process from 'node:process'
import { StemkitError } from './errors.ts'

/** Version of this contract. */
export const WRITE_LOCK_VERSION = 1

export interface WriteLock {
  release(): void
}

/** SQLite's primary result codes for what somebody else has locked. */
const [BUSY, LOCKED] = [5, 6]

/**
 * Takes the lock that the file `path` is, for drivers in Node whose medium is on this machine: an SQLite database for nothing
 * else, in which the holder has a write transaction open. The system lets go of it when the holder dies, however it dies,
 * and SQLite keeps the threads of one process apart too. The holder's process is the number in its header, which others may
 * read meanwhile.
 * @throws conflict, saying who holds it; SQLite's own errors where the file cannot be opened or written
 */
export async function takeWriteLock(path: string): Promise<WriteLock> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(path)
  try {
    db.exec('begin immediate')
    db.exec(`pragma user_version = ${process.pid}; commit`)
    // Only what is committed can be read by others. Whoever comes between has the lock, and this one has not.
    db.exec('begin immediate')
    return { release: () => db.close() }
  } catch (error) {
    const refusal = isBusy(error)
      ? heldBy(
          holderOf(() => db.prepare('pragma user_version').get()),
          path,
        )
      : error
    db.close()
    throw refusal
  }
}

/** An extended code has its primary code in the low byte. */
function isBusy(error: unknown): boolean {
  const { errcode = 0 } = error as { errcode?: number }
  return [BUSY, LOCKED].includes(errcode & 0xff)
}

/** Undefined at the very moment in which the holder writes it down. */
function holderOf(read: () => Record<string, unknown> | undefined): number | undefined {
  try {
    return Number(read()?.['user_version']) || undefined
  } catch {
    return undefined
  }
}

function heldBy(pid: number | undefined, path: string): StemkitError {
  const who = pid === process.pid ? 'this process; release it first' : `process ${pid ?? '?'}; wait for it or end it`
  return new StemkitError('conflict', `${path}: held by ${who}`)
}
