import { StemkitError } from '@stemkit/spec/errors'

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** A failure of the file system as one line. Errors that already are one, and those of an abort, pass through. */
export function ioError(path: string, cause: unknown, signal?: AbortSignal): unknown {
  if (StemkitError.isInstance(cause) || signal?.aborted) return cause
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT') return new StemkitError('not-found', `${path} does not exist`, { cause })
  if (FULL.has(code)) {
    return new StemkitError('io', `no space left to write ${path} (${code}); what was there before is unchanged`, {
      cause,
    })
  }
  return new StemkitError('io', `${path}: ${message}`, { cause })
}
