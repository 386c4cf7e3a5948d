import { StemkitError } from '@stemkit/spec/errors'
import type { EvalRequest } from './requests.ts'

/** Does something for a request; an error of ours then names the request. */
export async function about<T>(request: EvalRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!StemkitError.isInstance(cause)) throw cause
    throw new StemkitError(cause.code, `${nameOf(request)}: ${cause.message}`, { cause })
  }
}

/** A request in a few words, by the end of its context, which says most. */
function nameOf(request: EvalRequest): string {
  if (request.kind === 'loglikelihood_rolling') return `the text ${quote(request.text.slice(0, 60))}`
  const context = request.context.length > 60 ? `...${request.context.slice(-60)}` : request.context
  return request.kind === 'loglikelihood'
    ? `${quote(request.continuation.slice(0, 60))} after ${quote(context)}`
    : `the answer to ${quote(context)}`
}

const quote = (text: string): string => JSON.stringify(text)
