import { StemkitError } from '@stemkit/spec/errors'

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])

/** A failure of the file system as one line that says what it was for. */
export function ioError(what: string, error: unknown): StemkitError {
  const known = StemkitError.isInstance(error)
  const { code, message } = (known && error.code === 'io' ? error.cause : error) as NodeJS.ErrnoException
  const reason = FULL.has(code) ? 'no space left on device' : message
  return new StemkitError(known ? error.code : code === 'ENOENT' ? 'not-found' : 'io', `${what}: ${reason}`, {
    cause: error,
  })
}
