import { z } from '@hono/zod-openapi'
import { finishReasonSchema, generationFields, isListOf, isToken, tablesSchema, usageSchema } from './fields.ts'

/** Most prompts of one request. */
const MAX_PROMPTS = 128

export type PromptInput = string | string[] | number[] | number[][]

function isPrompt(value: unknown): value is PromptInput {
  if (typeof value === 'string') return true
  return isTokens(value) || isListOf(value, MAX_PROMPTS, isText) || isListOf(value, MAX_PROMPTS, isTokens)
}

const isTokens = (value: unknown): value is number[] => isListOf(value, Infinity, isToken)
const isText = (value: unknown): value is string => typeof value === 'string'

export const completionRequest = z
  .strictObject({
    ...generationFields,
    prompt: z
      .custom<PromptInput>(
        isPrompt,
        `prompt must be a text, token ids, or a list of at most ${MAX_PROMPTS} of either, none of them without tokens`,
      )
      .nullish()
      .openapi({
        type: ['string', 'array'],
        oneOf: [
          { type: 'string' },
          { type: 'array', items: { type: 'string' } },
          { type: 'array', items: { type: 'integer' } },
          { type: 'array', items: { type: 'array', items: { type: 'integer' } } },
        ],
        description: 'Nothing, or an empty text, starts a new text.',
      }),
    max_tokens: z.int().min(0).nullish().openapi({ description: 'Default 16. 0 with echo scores the prompt.' }),
    best_of: z
      .int()
      .min(1)
      .max(128)
      .nullish()
      .openapi({ description: 'Makes so many and answers with the n likeliest per token. Not with stream.' }),
    echo: z
      .boolean()
      .nullish()
      .openapi({ description: 'Puts the prompt, and its log-probabilities, before the text.' }),
    logprobs: z.int().min(0).max(20).nullish().openapi({ description: 'So many alternatives at each place.' }),
    suffix: z
      .string()
      .nullish()
      .refine((value) => !value, 'suffix is not supported: these models only continue texts')
      .openapi({ description: 'Not supported.' }),
  })
  .openapi('CompletionRequest')

export type CompletionRequest = z.infer<typeof completionRequest>

export const completionResponse = z
  .object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    system_fingerprint: z.string(),
    tables: tablesSchema,
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        finish_reason: finishReasonSchema.nullable(),
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullable(),
            text_offset: z.array(z.int()),
          })
          .nullable(),
      }),
    ),
    usage: usageSchema.nullish(),
  })
  .openapi('Completion')

export type CompletionResponse = z.infer<typeof completionResponse>
export type CompletionLogprobs = NonNullable<CompletionResponse['choices'][number]['logprobs']>
