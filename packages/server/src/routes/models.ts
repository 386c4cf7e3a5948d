import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { modelSchema, modelsSchema, type ModelCard } from '../schemas/models.ts'
import { findModel, tablesOf, type Served, type ServerEnv, type ServerState } from '../server-state.ts'
import { errors, json } from './answers.ts'

export function addModels(app: OpenAPIHono<ServerEnv>, state: ServerState): void {
  const list = createRoute({
    method: 'get',
    path: '/v1/models',
    summary: 'List the models',
    responses: { ...errors, 200: json(modelsSchema, 'All models') },
  })
  app.openapi(list, (context) =>
    context.json({ object: 'list' as const, data: Array.from(state.models.values(), cardOf) }, 200),
  )

  // Names may have slashes, which a path of the OpenAPI document cannot say.
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/models/{model}',
    summary: 'Describe a model',
    request: { params: z.object({ model: z.string() }) },
    responses: { ...errors, 200: json(modelSchema, 'The model') },
  })
  app.get('/v1/models/:model{.+}', (context) => context.json(cardOf(findModel(state, context.req.param('model'))), 200))
}

const cardOf = (served: Served): ModelCard => ({
  id: served.id,
  object: 'model',
  created: Math.floor(served.created.getTime() / 1000),
  owned_by: 'stemkit',
  max_model_len: served.model.maxLength,
  chat: served.chatTemplate !== undefined,
  tables: tablesOf(served),
})
