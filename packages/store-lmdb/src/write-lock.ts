import process from 'node:process'
import { StemkitError } from '@stemkit/spec/errors'

export interface WriteLock {
  release(): void
}

/** SQLite's primary result code for what somebody else has locked. */
const BUSY = 5

/**
 * Takes the lock that the file `path` is: an SQLite database for nothing else, in which the holder has a write transaction
 * open. LMDB's own lock is held for moments, and by nobody who may be asked; the system lets go of this one when the holder
 * dies, however it dies, and SQLite keeps the threads of one process apart too. The holder's process is the number in its
 * header, which others may read meanwhile.
 * @throws conflict, saying who holds it
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
    const { errcode = 0 } = error as { errcode?: number }
    const refusal =
      (errcode & 0xff) === BUSY
        ? heldBy(
            holderOf(() => db.prepare('pragma user_version').get()),
            path,
          )
        : error
    db.close()
    throw refusal
  }
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
