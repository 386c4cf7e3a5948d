import { Passing } from '@stemkit/spec/retrying'

/** The part of `fetch` that is used: global, or one of yours (a proxy, signed requests, a test). */
export type Fetch = (url: URL, init: { headers: Headers; signal: AbortSignal }) => Promise<Response>

export interface ExchangeOptions {
  readonly fetch: Fetch
  readonly url: URL
  readonly headers: Headers
  /** Milliseconds without a byte after which it fails. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

/** The next bytes of a body; undefined at its end. */
export type NextChunk = () => Promise<Uint8Array | undefined>

/**
 * One request. What `use` leaves of the answer is cancelled, and the connection with it. It rejects as soon as the signal
 * aborts or time is up, and `use` gets nothing more, even if `fetch` or the body take no notice of their signal.
 * @throws Passing if the connection fails or stands still; the signal's reason; whatever `use` throws
 */
export async function exchange<T>(
  { fetch, url, headers, timeout, signal }: ExchangeOptions,
  use: (response: Response, next: NextChunk) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const stop = new AbortController()
  const stopped = new Promise<never>((_, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error), { once: true })
  })
  stopped.catch(() => {})
  const onAbort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })

  /** Waits for what comes over the connection. */
  const receive = async <R>(coming: Promise<R>): Promise<R> => {
    const timer = setTimeout(() => stop.abort(new Passing(`nothing came for ${timeout / 1000} s`)), timeout)
    try {
      return await Promise.race([coming, stopped])
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason
      throw new Passing(`the connection failed, ${reasonOf(error)}`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  let complete = false
  try {
    const response = await receive(fetch(url, { headers, signal: stop.signal }))
    const reader = response.body?.getReader()
    return await use(response, async () => {
      const chunk = reader && (await receive(reader.read()))
      complete = chunk === undefined || chunk.done
      return chunk?.value
    })
  } finally {
    signal?.removeEventListener('abort', onAbort)
    if (!complete) stop.abort(new Passing('the answer is not wanted'))
  }
}

/** fetch says "fetch failed"; what failed is in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  if (!(cause instanceof Error)) return message
  // Where several addresses were tried, the reasons are in a list, and the message is empty.
  return cause.message || String((cause as { code?: unknown }).code ?? message)
}
