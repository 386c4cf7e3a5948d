import { errorBody, toApiError } from '../api-error.ts'
import type { ErrorBody } from '../api-error.ts'
import type { ServerRequest } from '../server-state.ts'
import { DONE, sseEvent, sseResponse } from './sse.ts'
import { tablesHeader, type Work } from './work.ts'

/** Sends a whole answer. What fails is thrown; a client that left gets an answer that nobody reads. */
export async function respondWhole(work: Work, answer: () => Promise<object>): Promise<Response> {
  try {
    const body = await answer()
    work.finish()
    return Response.json(body, { headers: tablesHeader(work.tables) })
  } catch (error) {
    const told = work.finish(error)
    if (told) throw told
    return new Response(null, { status: 499 })
  }
}

/**
 * Sends chunks as they come. What fails before the first one is answered with a status of its own, and what fails later
 * with a last event.
 */
export async function respondStream(
  request: ServerRequest,
  work: Work,
  chunks: AsyncGenerator<object, void>,
): Promise<Response> {
  const tracked = request.get('tracked')
  const first = await chunks.next().catch((error: unknown) => {
    const told = work.finish(error)
    if (told) throw told
    return undefined
  })
  if (!first) return new Response(null, { status: 499 })
  tracked.isStreaming = true

  async function* events(): AsyncGenerator<string, void> {
    try {
      for (let item = first!; !item.done; item = await chunks.next()) yield sseEvent(item.value)
      yield DONE
      work.finish()
    } catch (error) {
      const told = work.finish(error)
      if (told) yield sseEvent(eventOf(told))
    } finally {
      work.leave()
      work.finish()
      await chunks.return()
    }
  }
  return sseResponse(events(), tablesHeader(work.tables), work.leave)
}

/** The body that the error would have had as an answer. */
function eventOf(error: ReturnType<typeof toApiError>): ErrorBody {
  return errorBody(error.status, error.message, { code: error.status === 504 ? 'timeout' : undefined })
}
