import type { z } from '@hono/zod-openapi'
import { errorSchema } from '../schemas/models.ts'

/** An answer in JSON, for the OpenAPI document. */
export const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

/** What any request may be answered with. */
export const errors = {
  401: json(errorSchema, 'No API key, or one that is not known'),
  404: json(errorSchema, 'No such model, overlay or path'),
  500: json(errorSchema, 'The server failed'),
}

/** What a request to a model may be answered with besides. */
export const generationErrors = {
  ...errors,
  400: json(errorSchema, 'The request makes no sense'),
  403: json(errorSchema, 'The API key may not name this overlay'),
  413: json(errorSchema, 'The body is too large'),
  415: json(errorSchema, 'The body is not JSON in UTF-8'),
  429: json(errorSchema, 'The server is busy; Retry-After says for how long'),
  503: json(errorSchema, 'The server is shutting down'),
  504: json(errorSchema, 'The answer took too long'),
}
