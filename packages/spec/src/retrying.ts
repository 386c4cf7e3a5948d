import { StemkitError } from './errors.ts'

/** A failure that may pass: the next attempt can succeed. */
export class Passing extends Error {
  /** How long the server asked to be left alone, in milliseconds. */
  readonly wait: number

  constructor(message: string, { wait = 0, cause }: { wait?: number; cause?: unknown } = {}) {
    super(message, { cause })
    this.wait = wait
  }
}

export interface RetryOptions {
  /** How often a failed attempt is repeated. */
  readonly retries: number
  /** Begins errors. */
  readonly where: string
  readonly signal?: AbortSignal | undefined
  readonly onRetry?: () => void
}

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000
/** A server that asks for more is not waited for. */
const LONGEST_ASKED_MS = 120_000

/**
 * Repeats what fails with `Passing`, waiting longer each time: 100 ms, doubled up to 10 s, half of it by chance, so that
 * many clients do not come back together; and at least as long as the server asked for.
 * @throws io after the last attempt, or at once where the server asks for more than two minutes; the signal's reason;
 *   whatever else the attempt threw
 */
export async function retrying<T>(
  { retries, where, signal, onRetry }: RetryOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Passing)) throw error
      if (failures > retries) {
        throw new StemkitError('io', `${where}: ${error.message} (attempt ${failures} of ${retries + 1})`, {
          cause: error,
        })
      }
      if (error.wait > LONGEST_ASKED_MS) {
        const seconds = Math.ceil(error.wait / 1000)
        throw new StemkitError('io', `${where}: ${error.message}, come back in ${seconds} s`, { cause: error })
      }
      const backoff = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), LONGEST_WAIT_MS)
      await sleep(Math.max(backoff * (0.5 + Math.random() / 2), error.wait), signal)
      onRetry?.()
    }
  }
}

/** What a Retry-After header asks for, in milliseconds: it holds seconds or a date. 0 where there is none. */
export function retryAfter(header: string | null): number {
  if (header === null) return 0
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(wait) ? Math.max(wait, 0) : 0
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason as Error)
    const giveUp = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', giveUp)
      resolve()
    }, ms)
    signal?.addEventListener('abort', giveUp, { once: true })
  })
}
