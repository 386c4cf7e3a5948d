import { setTimeout } from 'node:timers/promises'
import { StemkitError, type ErrorCode } from '@stemkit/spec/errors'

/** SQLite's primary result codes; an extended one has its primary code in the low byte. */
export const SQLITE = { BUSY: 5, LOCKED: 6, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const

/** The primary result code, if it is SQLite that says so. */
export function resultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}

const isBusy = (error: unknown): boolean => {
  const code = resultCode(error)
  return code === SQLITE.BUSY || code === SQLITE.LOCKED
}

/**
 * Does `work` with SQLite, again and again for up to `patience` ms while another connection is writing. SQLite would wait
 * too, but it would have this thread stand still. What it says becomes one line, after what it was for.
 */
export async function whenFree<T>(
  what: string,
  work: () => T,
  { patience, signal }: { patience: number; signal?: AbortSignal | undefined },
): Promise<T> {
  const began = performance.now()
  for (let pause = 1; ; pause = Math.min(2 * pause, 50)) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() - began >= patience) throw sqliteError(what, error)
    }
    await setTimeout(pause, undefined, signal && { signal }).catch(() => signal?.throwIfAborted())
  }
}

export function sqliteError(what: string, error: unknown): StemkitError {
  if (StemkitError.isInstance(error)) return error
  const [code, reason] = meaning(error)
  return new StemkitError(code, `${what}: ${reason}`, { cause: error })
}

function meaning(error: unknown): [ErrorCode, string] {
  const { code, message } = error as NodeJS.ErrnoException
  switch (resultCode(error)) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return ['conflict', 'another process keeps writing to it; wait for it or end it']
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return ['corrupt', message]
    case SQLITE.FULL:
      return ['io', 'no space left on device']
    default:
      return [code === 'ENOENT' ? 'not-found' : 'io', message]
  }
}
