/** What a page sends back: its result, or what went wrong. */
export type Answer = { readonly result: unknown } | { readonly error: string }

/** Runs in the page: sends what `work` gives, or the first error of the page, whichever comes first. */
export async function answerWith(work: () => Promise<unknown>): Promise<void> {
  const failed = Promise.withResolvers<never>()
  addEventListener('error', ({ error, message }) => failed.reject(error ?? new Error(message)))
  addEventListener('unhandledrejection', ({ reason }) => failed.reject(reason))
  const answer: Answer = await Promise.race([work(), failed.promise]).then(
    (result) => ({ result }),
    (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
  await fetch('/answer', { method: 'POST', body: JSON.stringify(answer) })
}
