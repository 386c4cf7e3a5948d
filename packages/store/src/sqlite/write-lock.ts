import process from 'node:process'
import { StemkitError } from '@stemkit/spec/errors'
import { isBusy, sqliteError } from './sqlite-error.ts'

export interface WriteLock {
  release(): void
}

/**
 * Takes the lock that the file `path` is: a database for nothing else, in which the holder has a write transaction open. The
 * system lets go of it when the holder dies, however it dies, and SQLite keeps the threads of one process apart too. The
 * holder's process is the number in its header, which others may read meanwhile.
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
    const refusal = isBusy(error)
      ? heldBy(
          holderOf(() => db.prepare('pragma user_version').get()),
          path,
        )
      : error
    db.close()
    throw sqliteError(`${path}: cannot be locked`, refusal)
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
