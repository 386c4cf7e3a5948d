/** Version of this contract. */
export const ERRORS_VERSION = 1

/** What kind of failure it is, so that callers can branch without reading the message. */
export type ErrorCode =
  | 'bad-input' // an argument or a file's content is wrong
  | 'not-found' // a file, row or name does not exist
  | 'unsupported' // valid, but this build or backend cannot do it
  | 'io' // the medium failed: disk full, connection lost
  | 'corrupt' // stored bytes contradict themselves
  | 'conflict' // somebody else changed or holds it
  | 'diverged' // numbers became infinite or NaN

const MARKER = Symbol.for('stemkit.error')

/**
 * The one error class of stemkit: a single line that says what was wrong, where, and what to do.
 * Recognise it with `StemkitError.isInstance`, which also works across copies of this package.
 */
export class StemkitError extends Error {
  readonly [MARKER] = true
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StemkitError'
    this.code = code
  }

  static isInstance(error: unknown): error is StemkitError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[MARKER] === true
  }
}
