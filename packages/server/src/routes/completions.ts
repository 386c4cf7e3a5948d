import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { badRequest } from '../api-error.ts'
import { completionAnswer, completionChunks } from '../generation/complete.ts'
import { encodePrompts } from '../generation/prompts.ts'
import { respondStream, respondWhole } from '../generation/respond.ts'
import { openWork, overlayOf } from '../generation/work.ts'
import { jsonBody } from '../middleware/json-body.ts'
import { completionRequest, completionResponse } from '../schemas/completions.ts'
import { findModel, type ServerEnv, type ServerState } from '../server-state.ts'
import { generationErrors } from './answers.ts'

export function addCompletions(app: OpenAPIHono<ServerEnv>, state: ServerState): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/completions',
    summary: 'Continue texts, or score them',
    middleware: [jsonBody(state.limits.bodyBytes)] as const,
    request: { body: { required: true, content: { 'application/json': { schema: completionRequest } } } },
    responses: {
      ...generationErrors,
      200: {
        description: 'The answer; with stream, chunks of it as server-sent events and [DONE]',
        content: {
          'application/json': { schema: completionResponse },
          'text/event-stream': { schema: completionResponse },
        },
      },
    },
  })

  app.openapi(route, async (context) => {
    const request = context.req.valid('json')
    const served = findModel(state, request.model)
    const [n, stream] = [request.n ?? 1, request.stream ?? false]
    const bestOf = request.best_of ?? n
    if (bestOf < n) throw badRequest(`best_of is ${bestOf}, but must be at least n, which is ${n}.`, 'best_of')
    if (stream && bestOf > n) throw badRequest('best_of cannot be streamed: the best is known at the end.', 'best_of')
    const scoredOnly = request.max_tokens === 0
    const prompts = encodePrompts(served.model, request.prompt ?? '', { scoredOnly, addSpecial: true, param: 'prompt' })
    const work = await openWork(state, context, {
      served,
      stream,
      idPrefix: 'cmpl',
      texts: prompts.length * bestOf,
      overlay: overlayOf(context, request.overlay),
    })
    const task = { request, prompts, n, bestOf }
    return stream
      ? respondStream(context, work, completionChunks(work, task))
      : respondWhole(work, () => completionAnswer(work, task))
  })
}
