import type { Model, RowSource } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import type { ChatTemplate } from './chat-template.ts'
import type { ServedEdits } from './edits/serve-edits.ts'
import type { ApiKey } from './middleware/api-keys.ts'
import type { ServerObserver } from './observer.ts'

export interface ServedModel {
  /** The caller disposes it, after the server has drained. */
  readonly model: Model
  /** Without one, chat completions are refused. */
  readonly chatTemplate?: ChatTemplate | undefined
  /**
   * Rows of the tables with an overlay over them: one for each tenant, say. Called for each request that names one, so
   * keep what it gives, and dispose it. Rejects with `not-found` for a name that is not there. Default: `edits` finds
   * overlays by their names, or the model does.
   */
  readonly rows?: ((overlay: string, options: { readonly signal: AbortSignal }) => Promise<RowSource>) | undefined
  /** Edits over its tables, which requests read, and which who has an admin key may change. The caller disposes it. */
  readonly edits?: ServedEdits | undefined
  /** When it was made, for GET /v1/models. Default: when the server was. */
  readonly created?: Date | undefined
}

export interface ServerLimits {
  /** Bytes of a request's body. Default 2 MiB. */
  readonly bodyBytes?: number | undefined
  /** Texts that are being made or wait for it; more are answered with 429. Default 512. */
  readonly texts?: number | undefined
  /** Of these, those of one request: its prompts times `n` or `best_of`. Default 128. */
  readonly textsPerRequest?: number | undefined
  /** Milliseconds for a whole request. Default 10 minutes. */
  readonly timeoutMs?: number | undefined
}

export interface ServerOptions {
  /** By the name that requests give. */
  readonly models: Readonly<Record<string, ServedModel>>
  /** Where the server is mounted, if requests come with the whole path: `/llm`, say. */
  readonly basePath?: string | undefined
  /** One of them must come with every request but those for `/health` and `/openapi.json`. Default: none is asked for. */
  readonly apiKeys?: readonly (string | ApiKey)[] | undefined
  /** Keys for the administration of edits, and nothing else. Default: there is none. */
  readonly adminKeys?: readonly string[] | undefined
  /** Origins whose pages may call the server, or '*'. Default: none. */
  readonly cors?: readonly string[] | '*' | undefined
  readonly limits?: ServerLimits | undefined
  readonly observers?: readonly ServerObserver[] | undefined
  /** What `/metrics` answers; without it there is no such path. */
  readonly metrics?: (() => Promise<{ readonly contentType: string; readonly body: string }>) | undefined
}

/** Defaults filled in. */
export type Limits = { readonly [K in keyof ServerLimits]-?: number }

/** @throws bad-input for a limit that would let nothing through */
export function limitsOf({ bodyBytes, texts, textsPerRequest, timeoutMs }: ServerLimits = {}): Limits {
  const limits = {
    bodyBytes: bodyBytes ?? 2 * 2 ** 20,
    texts: texts ?? 512,
    textsPerRequest: textsPerRequest ?? 128,
    timeoutMs: timeoutMs ?? 600_000,
  }
  for (const [name, limit] of Object.entries(limits)) {
    if (!(limit > 0)) throw new StemkitError('bad-input', `server: the limit ${name} is ${limit}, but must be above 0`)
  }
  return limits
}
