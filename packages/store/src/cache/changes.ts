/** Lets many wait until something has changed; each then looks for itself whether that was what it waited for. */
export interface Changes {
  notify(): void
  /** Resolves at the next `notify`; rejects with the signal's reason. */
  next(signal?: AbortSignal): Promise<void>
}

export function createChanges(): Changes {
  let waiting: PromiseWithResolvers<void> | undefined
  return {
    notify() {
      waiting?.resolve()
      waiting = undefined
    },
    async next(signal) {
      waiting ??= Promise.withResolvers()
      const { promise } = waiting
      if (signal === undefined) return promise
      signal.throwIfAborted()
      const aborted = Promise.withResolvers<never>()
      const abort = (): void => aborted.reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      try {
        await Promise.race([promise, aborted.promise])
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
  }
}
