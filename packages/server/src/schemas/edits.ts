import { z } from '@hono/zod-openapi'
import { STRATEGIES, type Strategy } from '@stemkit/edit'
import { isListOf, isToken, tablesSchema } from './fields.ts'

/** A preview is for looking at, not for serving. */
const MAX_PROMPTS = 16
const MAX_TOKENS = 256

const modelField = z.string().max(256).openapi({ description: 'One of GET /v1/models.', example: 'my-model' })
const userField = z
  .string()
  .max(100)
  .openapi({ description: "Whose edits: they lie over everybody's. Default: everybody's." })

/** Tokens of an edit, and characters of the texts that name them: what is meant is a few words. */
const MAX_EDITED = 10_000
/** Layers of a table, and numbers of a row in one. */
const MAX_LAYERS = 1000
const MAX_WIDTH = 2 ** 20

type Tokens = string | number[]
const isTokens = (value: unknown): value is Tokens =>
  typeof value === 'string' ? value !== '' && value.length <= MAX_EDITED : isListOf(value, MAX_EDITED, isToken)
const isStrategy = (value: unknown): value is Strategy => STRATEGIES.some((each) => each === value)
const isFiniteNumber = (value: unknown): value is number => Number.isFinite(value)
const isIndex = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0

const integers = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 } as const
const strategyNames = { type: 'string' as const, enum: [...STRATEGIES] }

// As in fields.ts, lists are checked by hand.
const tokens = (description: string) =>
  z
    .custom<Tokens>(isTokens, `must be a text or token ids, at most ${MAX_EDITED} of characters or ids`)
    .openapi({ type: ['string', 'array'], oneOf: [{ type: 'string', minLength: 1 }, integers], description })
const strategy = z
  .custom<Strategy | Strategy[]>(
    (value) => isStrategy(value) || isListOf(value, STRATEGIES.length, isStrategy),
    `must be one or several of ${STRATEGIES.join(', ')}`,
  )
  .openapi({
    type: ['string', 'array'],
    oneOf: [strategyNames, { type: 'array', items: strategyNames, minItems: 1 }],
  })
const layers = z
  .custom<'all' | number[]>(
    (value) => value === 'all' || isListOf(value, MAX_LAYERS, isIndex),
    "must be 'all' or a list of layers, counted from 0",
  )
  .openapi({ type: ['string', 'array'], oneOf: [{ type: 'string', const: 'all' }, integers] })
const vector = z
  .custom<number[][]>(
    (value) => isListOf(value, MAX_LAYERS, (part) => isListOf(part, MAX_WIDTH, isFiniteNumber)),
    'must be a list of numbers for each layer',
  )
  .openapi({ type: 'array', items: { type: 'array', items: { type: 'number' } } })

/** An edit as its file has it; what fits together is the business of `@stemkit/edit`. */
const editSchema = z
  .strictObject({
    name: z.string().max(100),
    operation: z.enum(['overwrite', 'swap', 'mean', 'interpolate', 'add', 'reset']).optional(),
    source: tokens('Whose rows change: a text, or token ids.'),
    target: tokens('Whose rows they get.').optional(),
    strategy: strategy.optional(),
    padId: z.int().min(0).optional(),
    layers: layers.optional(),
    spaces: z.enum(['both', 'with', 'without']).optional(),
    amount: z.number().optional(),
    vector: vector.optional(),
  })
  .openapi('Edit')

type Prompts = (string | number[])[]
const prompts = z
  .custom<Prompts>(
    (value) => isListOf(value, MAX_PROMPTS, (each) => typeof each === 'string' || isListOf(each, Infinity, isToken)),
    `must be a list of at most ${MAX_PROMPTS} texts or lists of token ids`,
  )
  .openapi({ type: 'array', items: { oneOf: [{ type: 'string' }, integers] }, minItems: 1, maxItems: MAX_PROMPTS })

export const editsQuery = z.object({ model: modelField, user: userField.optional() })
export const applyRequest = z.strictObject({ model: modelField, user: userField.optional(), edit: editSchema })
export const previewRequest = z.strictObject({
  model: modelField,
  user: userField.optional(),
  edit: editSchema,
  kind: z.enum(['rows', 'occurrences', 'text']).optional().openapi({
    description: 'rows: wherever its tokens stand (default); occurrences, text: in these prompts alone.',
  }),
  prompts,
  max_tokens: z.int().min(1).max(MAX_TOKENS).optional().openapi({ description: 'Default 16.' }),
  top: z.int().min(1).max(20).optional().openapi({ description: 'Likeliest next tokens to compare. Default 5.' }),
})

const appliedSchema = z
  .object({
    name: z.string(),
    user: z.string().nullable(),
    overlay: z.string().openapi({ description: 'The overlay that holds its rows.' }),
    number: z.int().openapi({ description: 'Counts what was ever applied.' }),
    current: z
      .boolean()
      .openapi({ description: 'False once the rows below were trained on: it can only be undone then.' }),
    operations: z.array(z.string()),
    rows: z.array(z.int()).openapi({ description: 'Tokens whose rows it changes.' }),
  })
  .openapi('AppliedEdit')
export type AppliedCard = z.infer<typeof appliedSchema>

export const editsResponse = z
  .object({ object: z.literal('list'), model: z.string(), tables: tablesSchema, data: z.array(appliedSchema) })
  .openapi('AppliedEdits')

/** What was applied or undone, and what requests read from now on. */
export const changedResponse = z
  .object({
    object: z.enum(['edit.applied', 'edit.undone']),
    model: z.string(),
    tables: tablesSchema,
    version: z.int().openapi({ description: 'The version of the table that it made.' }),
    edit: appliedSchema,
  })
  .openapi('ChangedEdit')

const continuationSchema = z.object({ prompt: z.array(z.int()), tokens: z.array(z.int()), text: z.string() })

const previewSchema = z
  .object({
    before: continuationSchema,
    after: continuationSchema,
    next: z.array(
      z.object({
        token: z.int(),
        text: z.string(),
        before: z.number().nullable().openapi({ description: 'ln of its probability; null where it is not likely.' }),
        after: z.number().nullable(),
      }),
    ),
  })
  .openapi('EditPreview')
export type PreviewCard = z.infer<typeof previewSchema>

export const previewsResponse = z
  .object({
    object: z.literal('list'),
    model: z.string(),
    tables: tablesSchema,
    data: z.array(previewSchema),
  })
  .openapi('EditPreviews')
