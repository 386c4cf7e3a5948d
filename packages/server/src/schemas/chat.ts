import { z } from '@hono/zod-openapi'
import type { ChatMessage } from '../chat-template.ts'
import { finishReasonSchema, generationFields, tablesSchema, usageSchema } from './fields.ts'

/** Most messages of one request. */
const MAX_MESSAGES = 4096

const ROLES = ['system', 'developer', 'user', 'assistant'] as const

type Checked =
  | { readonly messages: ChatMessage[] }
  | { readonly wrong: string; readonly at: readonly (string | number)[] }

function checkMessages(value: unknown): Checked {
  if (!Array.isArray(value) || value.length === 0) return { wrong: 'messages must be a list, and not empty', at: [] }
  if (value.length > MAX_MESSAGES) return { wrong: `messages may be at most ${MAX_MESSAGES}`, at: [] }
  const messages: ChatMessage[] = []
  for (const [i, each] of value.entries()) {
    const { role, content, name } = (each ?? {}) as Record<string, unknown>
    const known = ROLES.find((one) => one === role)
    if (known === undefined)
      return { wrong: `the role of a message must be one of ${ROLES.join(', ')}`, at: [i, 'role'] }
    const text = textOf(content)
    if (text === undefined) {
      return { wrong: 'the content of a message must be a text, or parts of the type text', at: [i, 'content'] }
    }
    if (name !== undefined && typeof name !== 'string') return { wrong: 'a name must be a text', at: [i, 'name'] }
    messages.push({ role: known, content: text, ...(name === undefined ? {} : { name }) })
  }
  return { messages }
}

function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content
  if (!Array.isArray(content) || content.length === 0) return undefined
  let text = ''
  for (const part of content) {
    const { type, text: piece } = (part ?? {}) as Record<string, unknown>
    if (type !== 'text' || typeof piece !== 'string') return undefined
    text += piece
  }
  return text
}

const messagesSchema = z
  .unknown()
  .transform((value, context) => {
    const checked = checkMessages(value)
    if ('messages' in checked) return checked.messages
    context.addIssue({ code: 'custom', message: checked.wrong, path: [...checked.at] })
    return z.NEVER
  })
  .openapi({
    type: 'array',
    minItems: 1,
    maxItems: MAX_MESSAGES,
    items: {
      type: 'object',
      required: ['role', 'content'],
      properties: {
        role: { type: 'string', enum: [...ROLES] },
        name: { type: 'string' },
        content: {
          oneOf: [
            { type: 'string' },
            {
              type: 'array',
              items: {
                type: 'object',
                required: ['type', 'text'],
                properties: { type: { type: 'string', enum: ['text'] }, text: { type: 'string' } },
              },
            },
          ],
        },
      },
    },
  })

const noTools = 'this server calls no tools; leave them out'

export const chatRequest = z
  .strictObject({
    ...generationFields,
    messages: messagesSchema,
    max_tokens: z.int().min(0).nullish().openapi({ description: 'The older name of max_completion_tokens.' }),
    max_completion_tokens: z
      .int()
      .min(0)
      .nullish()
      .openapi({ description: 'Default: until the model ends its answer, or its length is reached.' }),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish().openapi({ description: 'Asks for logprobs too.' }),
    tools: z.array(z.unknown()).max(0, noTools).nullish().openapi({ description: 'Not supported: empty.' }),
    tool_choice: z
      .literal(['none', 'auto'], { error: noTools })
      .nullish()
      .openapi({ description: 'Not supported: none.' }),
    parallel_tool_calls: z.unknown().optional().openapi({ description: 'Accepted, without effect.' }),
    response_format: z
      .strictObject({ type: z.literal('text', { error: 'only answers of the type text can be asked for' }) })
      .nullish(),
    modalities: z
      .custom<['text']>((value) => JSON.stringify(value) === '["text"]', 'only text can be asked for')
      .nullish()
      .openapi({ type: 'array', items: { type: 'string', enum: ['text'] } }),
  })
  .openapi('ChatCompletionRequest')

export type ChatRequest = z.infer<typeof chatRequest>

const tokenLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()).nullable() })
const chatLogprobs = z
  .object({
    content: z.array(tokenLogprob.extend({ top_logprobs: z.array(tokenLogprob) })),
    refusal: z.null(),
  })
  .nullable()
const envelope = {
  id: z.string(),
  created: z.int(),
  model: z.string(),
  system_fingerprint: z.string(),
  tables: tablesSchema,
}

export const chatResponse = z
  .object({
    ...envelope,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        finish_reason: finishReasonSchema,
        logprobs: chatLogprobs,
      }),
    ),
    usage: usageSchema,
  })
  .openapi('ChatCompletion')

export const chatChunk = z
  .object({
    ...envelope,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.int(),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        finish_reason: finishReasonSchema.nullable(),
        logprobs: chatLogprobs,
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .openapi('ChatCompletionChunk')

export type ChatResponse = z.infer<typeof chatResponse>
export type ChatChunk = z.infer<typeof chatChunk>
export type ChatLogprobs = NonNullable<z.infer<typeof chatLogprobs>>
