import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { applyEdit, listEdits, planEdit, undoEdit, type Applied, type EditedTable } from '@stemkit/edit'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { apiError, badRequest } from '../api-error.ts'
import { cardOf, previewCard } from '../edits/cards.ts'
import { previewsOf } from '../edits/previews-of.ts'
import type { ServedEdits } from '../edits/serve-edits.ts'
import { encodePrompts } from '../generation/prompts.ts'
import { ClientGone, openScope } from '../generation/request-scope.ts'
import { tablesHeader } from '../generation/work.ts'
import { jsonBody } from '../middleware/json-body.ts'
import {
  applyRequest,
  changedResponse,
  editsQuery,
  editsResponse,
  previewRequest,
  previewsResponse,
} from '../schemas/edits.ts'
import { errorSchema } from '../schemas/models.ts'
import { findModel, type Served, type ServerEnv, type ServerRequest, type ServerState } from '../server-state.ts'
import { errors, generationErrors, json } from './answers.ts'

const security = [{ adminKey: [] }]
const adminErrors = {
  ...errors,
  400: generationErrors[400],
  401: json(errorSchema, 'No admin key, or one that is not known'),
  404: json(errorSchema, 'No such model or edit'),
  409: json(errorSchema, 'Another edit is in the way, or somebody else writes'),
  503: json(errorSchema, 'The server is shutting down, or the store of the tables is away'),
  504: json(errorSchema, 'It took too long; it may have been done all the same'),
}
const bodyErrors = { ...adminErrors, 413: generationErrors[413], 415: generationErrors[415] }

/** Edits of what the models know, for who has an admin key. */
export function addEdits(app: OpenAPIHono<ServerEnv>, state: ServerState): void {
  const takesJson = jsonBody(state.limits.bodyBytes)

  const list = createRoute({
    method: 'get',
    path: '/admin/edits',
    summary: 'List what was applied and not undone',
    security,
    request: { query: editsQuery },
    responses: { ...adminErrors, 200: json(editsResponse, 'The edits, oldest first') },
  })
  app.openapi(list, async (context) => {
    const { model, user } = context.req.valid('query')
    const { id, edits } = editsOf(state, model)
    const { found, tables } = await withinLimits(state, context, (signal) =>
      edits.look(async (edited, read) => ({ found: listEdits(edited), tables: read }), { signal }),
    )
    const data = found.filter((each) => user === undefined || each.user === user).map(cardOf)
    return context.json({ object: 'list' as const, model: id, tables, data }, 200, tablesHeader(tables))
  })

  const apply = createRoute({
    method: 'post',
    path: '/admin/edits',
    summary: 'Apply an edit, as a whole or not at all',
    security,
    middleware: [takesJson] as const,
    request: { body: { required: true, content: { 'application/json': { schema: applyRequest } } } },
    responses: { ...bodyErrors, 200: json(changedResponse, 'It is durable, and requests that come now read it') },
  })
  app.openapi(apply, async (context) => {
    const { model: name, user, edit } = context.req.valid('json')
    const served = editsOf(state, name)
    const change = await changeOf(state, context, served, ({ table }, cancel) => {
      const plan = planEdit(edit, { table, tokenizer: served.model.tokenizer })
      return applyEdit({ table }, plan, { user, ...cancel })
    })
    return context.json({ object: 'edit.applied' as const, ...change }, 200, tablesHeader(change.tables))
  })

  const undo = createRoute({
    method: 'delete',
    path: '/admin/edits/{name}',
    summary: 'Take an edit back, byte for byte',
    security,
    request: { params: z.object({ name: z.string() }), query: editsQuery },
    responses: { ...adminErrors, 200: json(changedResponse, 'It is as if it had never been') },
  })
  app.openapi(undo, async (context) => {
    const { name } = context.req.valid('param')
    const { model, user } = context.req.valid('query')
    const change = await changeOf(state, context, editsOf(state, model), (edited, cancel) =>
      undoEdit(edited, name, { user, ...cancel }),
    )
    return context.json({ object: 'edit.undone' as const, ...change }, 200, tablesHeader(change.tables))
  })

  const preview = createRoute({
    method: 'post',
    path: '/admin/edits/preview',
    summary: 'Show how prompts go on before and after an edit, and change nothing',
    security,
    middleware: [takesJson] as const,
    request: { body: { required: true, content: { 'application/json': { schema: previewRequest } } } },
    responses: {
      ...bodyErrors,
      200: json(previewsResponse, 'Continuations, and the likeliest next tokens, of each prompt'),
      429: generationErrors[429],
    },
  })
  app.openapi(preview, async (context) => {
    const request = context.req.valid('json')
    const served = editsOf(state, request.model)
    const { id, edits, model } = served
    const prompts = encodePrompts(model, request.prompts as string[] | number[][], {
      scoredOnly: false,
      addSpecial: true,
      param: 'prompts',
    })
    const leave = state.admission.enter(2 * prompts.length)
    const { previews, tables } = await withinLimits(state, context, (signal) =>
      edits.look(
        async (edited, read) => ({
          previews: await previewsOf(served, edited, { ...request, prompts, signal }),
          tables: read,
        }),
        { signal },
      ),
    ).finally(leave)
    const textOf = (token: number): string => served.tokenText(token).text
    const data = previews.map((each) => previewCard(each, textOf))
    return context.json({ object: 'list' as const, model: id, tables, data }, 200, tablesHeader(tables))
  })
}

type ServedWithEdits = Served & { readonly edits: ServedEdits }

/** @throws 404 for a model that is not served, 400 for one whose tables cannot be edited */
function editsOf(state: ServerState, name: string): ServedWithEdits {
  const served = findModel(state, name)
  if (served.edits) return served as ServedWithEdits
  throw badRequest(
    `The tables of '${served.id}' are not in a store that can be edited; serve it with one.`,
    'model',
    'not_editable',
  )
}

type Change = (edited: EditedTable, cancel: RowOptions) => Promise<Applied>

/** Changes edits, and says what requests read from now on. */
async function changeOf(state: ServerState, request: ServerRequest, { id, edits }: ServedWithEdits, work: Change) {
  if (state.admission.closed) throw apiError(503, 'The server is shutting down.', { code: 'draining' })
  const changed = await withinLimits(state, request, (signal) =>
    edits.change((edited) => work(edited, { signal }), { signal }),
  )
  return { model: id, tables: edits.tables, version: changed.version, edit: cardOf(changed) }
}

/** Ends work with its client, with the server, or when it takes too long. What is in the way of it is for who edits to know. */
async function withinLimits<T>(
  { shutdown, limits: { timeoutMs } }: ServerState,
  { req }: ServerRequest,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const scope = openScope({ client: req.raw.signal, shutdown: shutdown.signal, timeoutMs })
  try {
    return await work(scope.signal)
  } catch (error) {
    throw toldOf(error)
  } finally {
    scope.close()
  }
}

function toldOf(error: unknown): unknown {
  // Nobody reads it; the log and the metrics know the number.
  if (error instanceof ClientGone) return new HTTPException(499 as ContentfulStatusCode, { res: new Response() })
  if (!StemkitError.isInstance(error)) return error
  const { code, message } = error
  if (code === 'conflict') return apiError(409, message, { code: 'edit_conflict', cause: error })
  if (code === 'not-found') return apiError(404, message, { code: 'edit_not_found', cause: error })
  if (code === 'io') return apiError(503, message, { code: 'store_unavailable', cause: error })
  return error
}
