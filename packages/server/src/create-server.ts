import { OpenAPIHono } from '@hono/zod-openapi'
import { cors } from 'hono/cors'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { requestId } from 'hono/request-id'
import { after } from './timers.ts'
import { apiError, toApiError } from './api-error.ts'
import { OVERLAY_HEADER, TABLES_HEADER } from './generation/work.ts'
import { StemkitError } from '@stemkit/spec/errors'
import { requireKey, type ApiKey } from './middleware/api-keys.ts'
import { trackRequests, type Tracked } from './middleware/track-request.ts'
import type { ServerOptions } from './options.ts'
import { addChat } from './routes/chat.ts'
import { addCompletions } from './routes/completions.ts'
import { addEdits } from './routes/edits.ts'
import { addHealth } from './routes/health.ts'
import { addModels } from './routes/models.ts'
import { explainIssues } from './schemas/explain.ts'
import { createState, type ServerEnv } from './server-state.ts'

/** The API as one function, to be mounted in any app or handed to a listener. */
export interface StemServer {
  /** Answers a request. Never rejects. Bound: it can be passed on as it is. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Texts that are being made or wait for it. */
  readonly inFlight: number
  /**
   * Refuses new requests with 503 and waits for those that run; `/health` says 503 from now on. After `timeoutMs`, or when
   * `signal` fires, what still runs is ended too. Resolves when nothing runs any more, to the number of texts that were cut short.
   */
  drain(options?: {
    readonly timeoutMs?: number | undefined
    readonly signal?: AbortSignal | undefined
  }): Promise<number>
  /** The OpenAPI 3.1 document, which `/openapi.json` answers. */
  openApi(): object
}

/**
 * Serves models by OpenAI's API. The models stay the caller's.
 * @throws bad-input for a limit out of range, or a key that is both API key and admin key
 */
export function createServer(options: ServerOptions): StemServer {
  const { basePath = '/', cors: origins } = options
  const { apiKeys, adminKeys } = keysOf(options)
  const state = createState(options)
  const root = new OpenAPIHono<ServerEnv>({
    defaultHook: (result) => {
      if (!result.success) throw explainIssues(result.error)
    },
  })
  const app = root.basePath(basePath)

  app.use(requestId())
  app.use(trackRequests(state))
  if (origins) app.use(cors({ origin: origins === '*' ? '*' : [...origins], ...CORS }))
  app.use(
    methodNotAllowed({
      app: root,
      onMethodNotAllowed: (context, methods) => {
        const headers = { allow: methods.join(', ') }
        return apiError(405, `The method ${context.req.method} is not allowed here.`, { headers }).getResponse()
      },
    }),
  )
  if (apiKeys.length > 0) {
    const guard = requireKey(
      apiKeys.map(({ key }) => key),
      { called: 'API key', found: (context, index) => context.set('overlays', apiKeys[index]!.overlays ?? []) },
    )
    for (const path of ['/v1/*', '/metrics']) app.use(path, guard)
    app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' })
  }
  addModels(app, state)
  addCompletions(app, state)
  addChat(app, state)
  addHealth(app, state, options)
  if (adminKeys.length > 0) {
    app.use('/admin/*', requireKey(adminKeys, { called: 'admin key' }))
    app.openAPIRegistry.registerComponent('securitySchemes', 'adminKey', { type: 'http', scheme: 'bearer' })
    addEdits(app, state)
  }
  const document = documentOf(basePath, apiKeys.length > 0)
  app.get('/openapi.json', (context) => context.json(app.getOpenAPI31Document(document)))

  root.notFound((context) => {
    // What lies outside of the base path is not tracked.
    const tracked = context.get('tracked') as Tracked | undefined
    if (tracked) tracked.isNowhere = true
    return apiError(404, `There is nothing at ${context.req.method} ${context.req.path}.`).getResponse()
  })
  root.onError((error, context) => {
    const told = toApiError(error)
    context.error = told
    return told.getResponse()
  })

  return {
    fetch: async (request) => root.fetch(request),
    get inFlight() {
      return state.admission.inFlight
    },
    openApi: () => app.getOpenAPI31Document(document),
    async drain({ timeoutMs = 30_000, signal } = {}) {
      const { admission, shutdown } = state
      admission.close()
      let cut = 0
      const end = (): void => {
        cut = admission.inFlight
        shutdown.abort()
      }
      const timer = after(timeoutMs, end)
      if (signal?.aborted) end()
      signal?.addEventListener('abort', end, { once: true })
      await admission.idle()
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      return cut
    },
  }
}

/** @throws bad-input for a key that is of both kinds: whoever may ask could edit */
function keysOf({ apiKeys = [], adminKeys = [] }: ServerOptions): { apiKeys: ApiKey[]; adminKeys: readonly string[] } {
  const all = apiKeys.map((each) => (typeof each === 'string' ? { key: each } : each))
  if (all.some(({ key }) => adminKeys.includes(key))) {
    throw new StemkitError('bad-input', 'server: an API key is an admin key as well; make another one')
  }
  return { apiKeys: all, adminKeys }
}

const CORS = {
  allowMethods: ['GET', 'HEAD', 'POST'],
  allowHeaders: ['authorization', 'content-type', OVERLAY_HEADER],
  exposeHeaders: ['x-request-id', 'retry-after', TABLES_HEADER],
  maxAge: 86_400,
}

const documentOf = (basePath: string, hasKeys: boolean) => ({
  openapi: '3.1.0',
  info: {
    title: 'stemkit server',
    version: '1',
    description: "STEM language models behind the API that OpenAI's clients speak.",
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  servers: [{ url: basePath }],
  ...(hasKeys && { security: [{ apiKey: [] }] }),
})
