import { nameOfRows, type TableOptions } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import { apiError, badRequest, toApiError } from '../api-error.ts'
import { mayName } from '../middleware/api-keys.ts'
import { tablesOf, type Served, type ServerRequest, type ServerState } from '../server-state.ts'
import { ClientGone, openScope } from './request-scope.ts'

/** The work for one request: admitted, with an end. */
export interface Work {
  readonly served: Served
  /** Of the request, as the client sees it. */
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  /** Which rows its texts read. */
  readonly rows: TableOptions
  /** What they turned out to be, once the first text has begun; null where the model holds its tables. */
  tables: string | null
  readonly startedAt: number
  readonly signal: AbortSignal
  readonly observers: ServerState['observers']
  /** Counts for the log and the metrics, as far as the work went. */
  readonly counts: { promptTokens: number; cachedTokens: number; completionTokens: number }
  /** Ends what still runs; the client has gone. */
  leave(): void
  /** To be called however it ends. What it returns is for the client, undefined if that has gone. */
  finish(error?: unknown): ReturnType<typeof toApiError> | undefined
}

export interface WorkOptions {
  readonly served: Served
  readonly idPrefix: string
  /** How many texts will be made. */
  readonly texts: number
  readonly stream: boolean
  readonly overlay: string | undefined
}

/** @throws 429 or 503 where there is no room, 404 for an overlay that is not there */
export async function openWork(state: ServerState, request: ServerRequest, options: WorkOptions): Promise<Work> {
  const { served, texts, stream, overlay, idPrefix } = options
  const { limits, admission, shutdown, observers } = state
  if (texts > limits.textsPerRequest) {
    throw badRequest(
      `The request asks for ${texts} texts; this server makes at most ${limits.textsPerRequest} for one.`,
      'n',
    )
  }
  const tracked = request.get('tracked')
  const leaveQueue = admission.enter(texts)
  const scope = openScope({ client: request.req.raw.signal, shutdown: shutdown.signal, timeoutMs: limits.timeoutMs })
  const counts = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 }
  let release = (): void => {}
  let outcome: { readonly error: ReturnType<typeof toApiError> | undefined } | undefined

  const finish = (error?: unknown): ReturnType<typeof toApiError> | undefined => {
    if (outcome) return outcome.error
    const isGone = error instanceof ClientGone || scope.signal.reason instanceof ClientGone
    const told = error === undefined || isGone ? undefined : toApiError(overlayError(overlay, error))
    outcome = { error: told }
    leaveQueue()
    release()
    scope.close()
    tracked.error = told?.cause
    tracked.generation = { model: served.id, overlay, stream, ...counts }
    if (stream) tracked.end(isGone ? 499 : (told?.status ?? 200))
    return told
  }
  // Somebody in between may drop a stream without a word.
  scope.signal.addEventListener('abort', () => finish(scope.signal.reason), { once: true })

  try {
    const used = await openRows(served, overlay, scope.signal)
    release = used.release
    if (outcome) release()
    const { rows, tables } = used
    return {
      served,
      id: `${idPrefix}-${request.get('requestId')}`,
      created: Math.floor(Date.now() / 1000),
      rows,
      tables,
      startedAt: tracked.startedAt,
      signal: scope.signal,
      observers,
      counts,
      leave: scope.leave,
      finish,
    }
  } catch (error) {
    tracked.isStreaming = false
    throw finish(error) ?? error
  }
}

/** What its texts read: they are held as they are now, until `release`. */
interface Opened {
  readonly rows: TableOptions
  readonly tables: string | null
  release(): void
}

async function openRows(served: Served, overlay: string | undefined, signal: AbortSignal): Promise<Opened> {
  const { rows, model, edits } = served
  const nothing = { tables: tablesOf(served), release: () => {} }
  try {
    if (overlay !== undefined && rows) return { ...nothing, rows: { rows: await rows(overlay, { signal }) } }
    if (edits) {
      const { rows: used, release } = await edits.use(overlay, { signal })
      return { rows: { rows: used }, tables: nameOfRows(used) ?? null, release }
    }
    if (overlay === undefined) return { ...nothing, rows: {} }
    if (!model.rows) throw new StemkitError('not-found', 'the model has its tables in memory')
    return { ...nothing, rows: { overlay } }
  } catch (error) {
    throw overlayError(overlay, error)
  }
}

/** What is told where rows could not be opened: a name that is not there is the client's fault. */
function overlayError(name: string | undefined, error: unknown): unknown {
  if (name === undefined || !StemkitError.isInstance(error) || error.code !== 'not-found') return error
  const message = `There is no overlay '${name.slice(0, 100)}' over the tables of this model.`
  return apiError(404, message, { param: 'overlay', code: 'overlay_not_found', cause: error })
}

/** Field or header; both may say the same. @throws 400 where they differ, 403 where the API key may not name it */
export function overlayOf(request: ServerRequest, field: string | null | undefined): string | undefined {
  const header = request.req.header(OVERLAY_HEADER)
  const named = header === undefined || header === '' ? undefined : decode(header)
  if (field && named && field !== named) {
    throw badRequest(`The overlay is '${field}' by the body and '${named.slice(0, 100)}' by the header.`, 'overlay')
  }
  const overlay = field ?? named
  const allowed = request.get('overlays')
  if (overlay === undefined || allowed === undefined || mayName(allowed, overlay)) return overlay
  throw apiError(403, `The API key may not name the overlay '${overlay.slice(0, 100)}'.`, {
    param: 'overlay',
    code: 'overlay_not_allowed',
  })
}

export const OVERLAY_HEADER = 'stemkit-overlay'
export const TABLES_HEADER = 'stemkit-tables'

function decode(header: string): string {
  try {
    return decodeURIComponent(header)
  } catch {
    throw badRequest(`The header ${OVERLAY_HEADER} is not percent-encoded UTF-8.`, 'overlay')
  }
}

/** Header values are ASCII; names of overlays need not be. */
export const tablesHeader = (tables: string | null): Record<string, string> =>
  tables === null ? {} : { [TABLES_HEADER]: encodeURI(tables) }
