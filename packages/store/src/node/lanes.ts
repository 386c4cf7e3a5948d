export interface Lanes {
  /**
   * Does `work` on each piece, in order, as many at once as there are lanes; calls that overlap take turns. Begins no more
   * once one has failed or the signal aborts, and settles only when those begun have.
   */
  each<T>(pieces: readonly T[], work: (piece: T) => Promise<void>, signal?: AbortSignal): Promise<void>
}

/** @param depth how many pieces of work may be under way at once */
export function createLanes(depth: number): Lanes {
  let free = depth
  const waiting: (() => void)[] = []
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  return {
    async each(pieces, work, signal) {
      let next = 0
      let failed = false
      const more = (): boolean => next < pieces.length && !failed && signal?.aborted !== true
      const run = async (): Promise<void> => {
        while (more()) {
          if (free > 0) free--
          else await new Promise<void>((resolve) => waiting.push(resolve))
          try {
            // The others may have come to the end meanwhile.
            if (more()) await work(pieces[next++]!)
          } catch (error) {
            failed = true
            throw error
          } finally {
            leave()
          }
        }
      }
      const runs = await Promise.allSettled(Array.from({ length: Math.min(depth, pieces.length) }, run))
      const failure = runs.find((result) => result.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      signal?.throwIfAborted()
    },
  }
}
