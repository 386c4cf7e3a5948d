import { StemkitError } from '@stemkit/spec/errors'

/** Errors about what a file holds name the file, with its whole path. */
export function inFile<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!StemkitError.isInstance(error)) throw error
    const name = `${/[^/\\]*$/u.exec(path)![0]}: `
    const message = error.message.startsWith(name) ? error.message.slice(name.length) : error.message
    throw new StemkitError(error.code, `${path}: ${message}`, { cause: error })
  }
}
