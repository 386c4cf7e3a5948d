import { z } from '@hono/zod-openapi'
import { tablesSchema } from './fields.ts'

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    max_model_len: z.int().openapi({ description: 'Tokens of prompt and answer together.' }),
    chat: z.boolean().openapi({ description: 'Whether it has a chat template.' }),
    tables: tablesSchema,
  })
  .openapi('Model')

export const modelsSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) }).openapi('Models')
export type ModelCard = z.infer<typeof modelSchema>

export const errorSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .openapi('Error')
