import { statfs } from 'node:fs/promises'
import { StemkitError, type ErrorCode } from '@stemkit/spec/errors'

/** LMDB's own codes; other ones are the system's. */
const MDB = { PAGE_NOTFOUND: -30797, CORRUPTED: -30796, PANIC: -30795, VERSION: -30794, INVALID: -30793 } as const
const EIO = 5
const ENOSPC = 28

/** Most bytes of one transaction. */
export const BATCH_BYTES = 8 * 2 ** 20

/** Does `work` with LMDB in a folder. What it says becomes one line, after what it was for. */
export async function attempt<T>(what: string, folder: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (StemkitError.isInstance(error)) throw error
    const cause = await causeOf(error)
    const [code, reason] = await meaning(cause, folder)
    throw new StemkitError(code, `${what}: ${reason}`, { cause })
  }
}

/** The error of a transaction hangs on those of the writes in it. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> }
  if (commitError === undefined) return error
  return commitError.then(
    () => error,
    (cause: unknown) => cause,
  )
}

async function meaning(error: unknown, folder: string): Promise<[ErrorCode, string]> {
  const { code, message } = error as { code?: number | string; message: string }
  switch (code) {
    case MDB.PAGE_NOTFOUND:
    case MDB.CORRUPTED:
    case MDB.VERSION:
    case MDB.INVALID:
      return ['corrupt', message]
    case MDB.PANIC:
      return ['io', 'an earlier write went wrong half-way; close the rows and open them again']
    case 'ENOENT':
      return ['not-found', message]
    case 'ENOSPC':
    case ENOSPC:
      return ['io', 'no space left on device']
    case EIO:
      // LMDB says so too when the disk took only the beginning of what it wrote.
      return ['io', (await freeBytes(folder)) < BATCH_BYTES ? 'no space left on device' : message]
    default:
      return ['io', message]
  }
}

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}
