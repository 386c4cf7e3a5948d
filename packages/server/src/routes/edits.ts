import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { applyEdit, listEdits, planEdit, undoEdit } from '@stemkit/edit'
import { StemkitError } from '@stemkit/spec/errors'
import { apiError, badRequest } from '../api-error.ts'
import { cardOf, previewCard } from '../edits/cards.ts'
import { previewsOf } from '../edits/previews-of.ts'
import type { ServedEdits } from '../edits/serve-edits.ts'
import { encodePrompts } from '../generation/prompts.ts'
import { openScope } from '../generation/request-scope.ts'
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
  503: generationErrors[503],
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
    const found = await told(edits.look(async (edited) => listEdits(edited)))
    const data = found.filter((each) => user === undefined || each.user === user).map(cardOf)
    const { tables } = edits
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
    const { id, edits, model } = editsOf(state, name)
    requireOpen(state)
    const applied = await told(
      edits.change(async ({ table }) => {
        const plan = planEdit(edit, { table, tokenizer: model.tokenizer })
        return applyEdit({ table }, plan, { user })
      }),
    )
    const { tables } = edits
    const { version } = applied
    const answer = { object: 'edit.applied' as const, model: id, tables, version, edit: cardOf(applied) }
    return context.json(answer, 200, tablesHeader(tables))
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
    const { id, edits } = editsOf(state, model)
    requireOpen(state)
    const undone = await told(edits.change(({ table }) => undoEdit({ table }, name, { user })))
    const { tables } = edits
    const { version } = undone
    const answer = { object: 'edit.undone' as const, model: id, tables, version, edit: cardOf(undone) }
    return context.json(answer, 200, tablesHeader(tables))
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
      504: generationErrors[504],
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
    const previews = await withinLimits(state, context, 2 * prompts.length, (signal) =>
      edits.look((edited) => previewsOf(served, edited, { ...request, prompts, signal })),
    )
    const { tables } = edits
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

/** What is in the way of an edit is for who edits to know. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!StemkitError.isInstance(error)) throw error
    const { code, message } = error
    if (code === 'conflict') throw apiError(409, message, { code: 'edit_conflict', cause: error })
    if (code === 'not-found') throw apiError(404, message, { code: 'edit_not_found', cause: error })
    throw error
  }
}

function requireOpen({ admission }: ServerState): void {
  if (admission.closed) throw apiError(503, 'The server is shutting down.', { code: 'draining' })
}

/** Counts the texts of a preview among all, and ends them with their client. */
async function withinLimits<T>(
  { admission, shutdown, limits }: ServerState,
  request: ServerRequest,
  texts: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const leave = admission.enter(texts)
  const { timeoutMs } = limits
  const scope = openScope({ client: request.req.raw.signal, shutdown: shutdown.signal, timeoutMs })
  try {
    return await told(work(scope.signal))
  } finally {
    scope.close()
    leave()
  }
}
