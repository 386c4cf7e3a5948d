import { apiError } from '../api-error.ts'

/** Texts that are being made or wait for it, and how many of them there may be. */
export interface Admission {
  readonly inFlight: number
  /**
   * Lets `count` more in; call what is returned when they are done.
   * @throws 429 with Retry-After where that is too many, 503 once closed
   */
  enter(count: number): () => void
  /** Lets nobody in any more. */
  close(): void
  readonly closed: boolean
  /** Resolves when nobody is left. */
  idle(): Promise<void>
}

/** Weight of the newest duration in the mean. */
const RECENT = 0.1

export function createAdmission(limit: number, now: () => number = () => performance.now()): Admission {
  let inFlight = 0
  let closed = false
  /** Seconds from one text's end to the next one's, of late. */
  let pace = 0.1
  let lastEnd: number | undefined
  let waiting: (() => void)[] = []

  const leave = (count: number): void => {
    const time = now()
    if (lastEnd !== undefined && inFlight > 1) pace += RECENT * ((time - lastEnd) / 1000 / count - pace)
    lastEnd = time
    inFlight -= count
    if (inFlight > 0) return
    for (const resolve of waiting) resolve()
    waiting = []
  }

  return {
    get inFlight() {
      return inFlight
    },
    get closed() {
      return closed
    },
    enter(count) {
      if (closed) {
        const headers = { 'retry-after': '5', connection: 'close' }
        throw apiError(503, 'The server is shutting down; send the request to another one.', {
          code: 'draining',
          headers,
        })
      }
      if (count > limit) {
        throw apiError(400, `The request asks for ${count} texts at once, and this server makes at most ${limit}.`)
      }
      if (inFlight + count > limit) {
        const seconds = Math.min(60, Math.max(1, Math.ceil(pace * (inFlight + count - limit))))
        throw apiError(429, `The server is busy with ${inFlight} texts; try again in ${seconds} s.`, {
          code: 'rate_limit_exceeded',
          headers: { 'retry-after': String(seconds) },
        })
      }
      inFlight += count
      let left = false
      return () => {
        if (left) return
        left = true
        leave(count)
      }
    },
    close() {
      closed = true
    },
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
