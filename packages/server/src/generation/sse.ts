/** The end of a stream, as OpenAI's clients know it. */
export const DONE = 'data: [DONE]\n\n'

/** One server-sent event. */
export const sseEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

/**
 * Sends texts as they come. The next one is asked for when the last one was taken, so that a client that reads slowly
 * slows its own work and nobody else's memory fills up.
 */
export function sseResponse(
  events: AsyncGenerator<string, void>,
  headers: Readonly<Record<string, string>>,
  onCancel: () => void,
): Response {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await events.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      async cancel() {
        // First what ends the work: a generator that is waiting for it cannot return before.
        onCancel()
        await events.return()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      // Proxies that gather a stream before they pass it on make it none.
      'x-accel-buffering': 'no',
      ...headers,
    },
  })
}
