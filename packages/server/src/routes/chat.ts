import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { StemkitError } from '@stemkit/spec/errors'
import { badRequest } from '../api-error.ts'
import type { ChatMessage, ChatTemplate } from '../chat-template.ts'
import { chatAnswer, chatChunks } from '../generation/converse.ts'
import { encodePrompts } from '../generation/prompts.ts'
import { respondStream, respondWhole } from '../generation/respond.ts'
import { openWork, overlayOf } from '../generation/work.ts'
import { jsonBody } from '../middleware/json-body.ts'
import { chatChunk, chatRequest, chatResponse } from '../schemas/chat.ts'
import { findModel, type ServerEnv, type ServerState } from '../server-state.ts'
import { generationErrors } from './answers.ts'

function rendered(template: ChatTemplate, messages: readonly ChatMessage[]): string {
  try {
    return template.render(messages)
  } catch (error) {
    throw StemkitError.isInstance(error) ? badRequest(`${error.message}.`, 'messages') : error
  }
}

export function addChat(app: OpenAPIHono<ServerEnv>, state: ServerState): void {
  const route = createRoute({
    method: 'post',
    path: '/v1/chat/completions',
    summary: 'Answer a conversation',
    middleware: [jsonBody(state.limits.bodyBytes)] as const,
    request: { body: { required: true, content: { 'application/json': { schema: chatRequest } } } },
    responses: {
      ...generationErrors,
      200: {
        description: 'The answer; with stream, chunks of it as server-sent events and [DONE]',
        content: { 'application/json': { schema: chatResponse }, 'text/event-stream': { schema: chatChunk } },
      },
    },
  })

  app.openapi(route, async (context) => {
    const request = context.req.valid('json')
    const served = findModel(state, request.model)
    const { model, chatTemplate } = served
    if (!chatTemplate) {
      throw badRequest(
        `The model '${served.id}' has no chat template; use /v1/completions.`,
        'model',
        'no_chat_template',
      )
    }
    const [n, stream] = [request.n ?? 1, request.stream ?? false]
    const text = rendered(chatTemplate, request.messages)
    const rules = { scoredOnly: false, addSpecial: false, param: 'messages' }
    const [prompt] = encodePrompts(model, text, rules) as [ReturnType<typeof encodePrompts>[number]]
    const work = await openWork(state, context, {
      served,
      stream,
      idPrefix: 'chatcmpl',
      texts: n,
      overlay: overlayOf(context, request.overlay),
    })
    const task = { request, prompt, n }
    return stream
      ? respondStream(context, work, chatChunks(work, task))
      : respondWhole(work, () => chatAnswer(work, task))
  })
}
