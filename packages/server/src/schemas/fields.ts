import { z } from '@hono/zod-openapi'

/** OpenAI takes 300. */
const MAX_BIASES = 1024
/** OpenAI takes 4. */
const MAX_STOPS = 16
const MAX_STOP_LENGTH = 1024

// Lists are checked by hand: a schema would report each of a million wrong elements.

export const isListOf = <T>(value: unknown, most: number, isItem: (item: unknown) => item is T): value is T[] =>
  Array.isArray(value) && value.length > 0 && value.length <= most && value.every(isItem)

export const isToken = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31

/** A field that is taken and has no effect here. */
const ignored = () => z.unknown().optional().openapi({ description: 'Accepted, without effect.' })

/** Zero is what leaves a text alone; clients send it without being asked. */
const onlyZero = (name: string) =>
  z
    .number()
    .nullish()
    .refine((value) => !value, `${name} is not supported; leave it out, or use repetition_penalty`)
    .openapi({ description: 'Not supported: 0 or nothing.' })

const isBias = (value: unknown): value is Record<string, number> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  const sound = ([id, bias]: [string, unknown]): boolean =>
    /^(?:0|[1-9]\d{0,9})$/.test(id) && typeof bias === 'number' && Math.abs(bias) <= 100
  return entries.length <= MAX_BIASES && entries.every(sound)
}

const isStop = (value: unknown): value is string | string[] => {
  const texts: unknown[] = Array.isArray(value) ? value : [value]
  const sound = (text: unknown): boolean =>
    typeof text === 'string' && text.length > 0 && text.length <= MAX_STOP_LENGTH
  return texts.length <= MAX_STOPS && texts.every(sound)
}

/** How tokens are chosen, and what goes with any completion. `null` is the same as nothing. */
export const generationFields = {
  model: z.string().max(256).openapi({ description: 'One of GET /v1/models.', example: 'my-model' }),
  temperature: z.number().min(0).max(100).nullish().openapi({ description: '0 takes the likeliest token. Default 1.' }),
  top_p: z.number().min(0).max(1).nullish().openapi({ description: 'Default 1.' }),
  top_k: z.int().min(-1).nullish().openapi({ description: 'Not in the API of OpenAI. 0 and -1 are no limit.' }),
  min_p: z.number().min(0).max(1).nullish().openapi({ description: 'Not in the API of OpenAI.' }),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(100)
    .nullish()
    .openapi({ description: 'Not in the API of OpenAI. 1 is none.' }),
  presence_penalty: onlyZero('presence_penalty'),
  frequency_penalty: onlyZero('frequency_penalty'),
  logit_bias: z
    .custom<Record<string, number>>(
      isBias,
      `logit_bias must be an object of token ids and numbers from -100 to 100, at most ${MAX_BIASES} of them`,
    )
    .nullish()
    .openapi({ type: 'object', additionalProperties: { type: 'number', minimum: -100, maximum: 100 } }),
  n: z.int().min(1).max(128).nullish().openapi({ description: 'Default 1.' }),
  seed: z.int().nullish().openapi({ description: 'Makes the choices repeatable.' }),
  stop: z
    .custom<string | string[]>(
      isStop,
      `stop must be a text or at most ${MAX_STOPS} of them, none empty and none longer than ${MAX_STOP_LENGTH} characters`,
    )
    .nullish()
    .openapi({
      type: ['string', 'array'],
      oneOf: [{ type: 'string' }, { type: 'array', maxItems: MAX_STOPS, items: { type: 'string' } }],
      description: 'Texts that end the answer and are left out of it.',
    }),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: ignored() })
    .nullish()
    .openapi({ description: 'With include_usage the last chunk has the usage.' }),
  overlay: z.string().min(1).max(256).nullish().openapi({
    description: 'Not in the API of OpenAI. Rows of the tables to use instead: the name of an overlay.',
  }),
  user: ignored(),
  metadata: ignored(),
  store: ignored(),
  service_tier: ignored(),
  safety_identifier: ignored(),
  prompt_cache_key: ignored(),
  prompt_cache_retention: ignored(),
}

export const usageSchema = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  })
  .openapi('Usage')

/** Which rows an answer was made with. */
export const tablesSchema = z.string().nullable().openapi({
  description: 'Table, version and overlays, as in `d3b0/7+facts`; null where the model holds its tables.',
})

export const finishReasonSchema = z.enum(['stop', 'length'])
