import { StemkitError } from '@stemkit/spec/errors'

/**
 * Does `work` with files. What the file system says becomes one line, after what it was for.
 * @param signal one that `work` obeys: its reason stays as it is
 */
export async function attempt<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) throw error
    throw fileError(what, error)
  }
}

/** Of a file that has fewer bytes than it should. */
export class EndOfFile extends Error {}

export function fileError(what: string, error: unknown): StemkitError {
  if (StemkitError.isInstance(error)) return error
  if (error instanceof EndOfFile) return new StemkitError('corrupt', `${what}: the file ends before, it has been cut`)
  const { code, message } = error as NodeJS.ErrnoException
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left on device' : message
  return new StemkitError(code === 'ENOENT' ? 'not-found' : 'io', `${what}: ${reason}`, { cause: error })
}
