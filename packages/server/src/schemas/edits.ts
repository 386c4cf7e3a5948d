import { z } from '@hono/zod-openapi'
import { STRATEGIES } from '@stemkit/edit'
import { tablesSchema } from './fields.ts'

/** A preview is for looking at, not for serving. */
const MAX_PROMPTS = 16
const MAX_TOKENS = 256

const modelField = z.string().max(256).openapi({ description: 'One of GET /v1/models.', example: 'my-model' })
const userField = z
  .string()
  .max(100)
  .openapi({ description: "Whose edits: they lie over everybody's. Default: everybody's." })
const tokens = z.union([z.string().min(1), z.array(z.int().min(0)).min(1)])

const strategy = z.enum(STRATEGIES)

/** An edit as its file has it; what fits together is the business of `@stemkit/edit`. */
const editSchema = z
  .strictObject({
    name: z.string().max(100),
    operation: z.enum(['overwrite', 'swap', 'mean', 'interpolate', 'add', 'reset']).optional(),
    source: tokens.openapi({ description: 'Whose rows change: a text, or token ids.' }),
    target: tokens.optional().openapi({ description: 'Whose rows they get.' }),
    strategy: z.union([strategy, z.array(strategy).min(1)]).optional(),
    padId: z.int().min(0).optional(),
    layers: z.union([z.literal('all'), z.array(z.int().min(0)).min(1)]).optional(),
    spaces: z.enum(['both', 'with', 'without']).optional(),
    amount: z.number().optional(),
    vector: z.array(z.array(z.number())).optional(),
  })
  .openapi('Edit')

const prompt = z.union([z.string(), z.array(z.int().min(0)).min(1)])

export const editsQuery = z.object({ model: modelField, user: userField.optional() })
export const applyRequest = z.strictObject({ model: modelField, user: userField.optional(), edit: editSchema })
export const previewRequest = z.strictObject({
  model: modelField,
  user: userField.optional(),
  edit: editSchema,
  kind: z.enum(['rows', 'occurrences', 'text']).optional().openapi({
    description: 'rows: wherever its tokens stand (default); occurrences, text: in these prompts alone.',
  }),
  prompts: z.array(prompt).min(1).max(MAX_PROMPTS),
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
