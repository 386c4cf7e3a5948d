/** Lets so many pieces of work run at a time, the others in the order in which they came. */
export type Limiter = <T>(signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>

export function createLimiter(most: number): Limiter {
  let running = 0
  const waiting = new Set<() => void>()

  /** Resolves when it is this one's turn; whoever is done hands the turn on. */
  const turn = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        signal?.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = (): void => {
        waiting.delete(begin)
        reject(signal?.reason as Error)
      }
      waiting.add(begin)
      signal?.addEventListener('abort', giveUp, { once: true })
    })

  return async (signal, work) => {
    signal?.throwIfAborted()
    if (running < most) running++
    else await turn(signal)
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next === undefined) {
        running--
      } else {
        waiting.delete(next)
        next()
      }
    }
  }
}
