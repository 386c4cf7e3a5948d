import type { Context } from 'hono'
import { apiError } from './api-error.ts'
import { createAdmission, type Admission } from './generation/admission.ts'
import { createTokenTexts, type TokenText } from './generation/token-text.ts'
import type { Tracked } from './middleware/track-request.ts'
import type { ServerObserver } from './observer.ts'
import { limitsOf, type Limits, type ServedModel, type ServerOptions } from './options.ts'

/** What the routes of one server share. */
export interface ServerState {
  readonly models: ReadonlyMap<string, Served>
  readonly limits: Limits
  readonly admission: Admission
  /** Fires when what still runs has to end. */
  readonly shutdown: AbortController
  readonly observers: readonly ServerObserver[]
}

export interface Served extends ServedModel {
  readonly id: string
  readonly created: Date
  readonly tokenText: (id: number) => TokenText
}

/** What the middleware of this server puts into a context. */
export interface ServerEnv {
  Variables: {
    readonly tracked: Tracked
    readonly requestId: string
    /** What its API key may name; absent where no keys are asked for. */
    readonly overlays?: readonly string[]
  }
}
export type ServerRequest = Context<ServerEnv>

export function createState({ models, limits, observers = [] }: ServerOptions): ServerState {
  const all = limitsOf(limits)
  const now = new Date()
  return {
    models: new Map(
      Object.entries(models).map(([id, served]) => [
        id,
        {
          ...served,
          id,
          created: served.created ?? now,
          tokenText: createTokenTexts(served.model.tokenizer),
        },
      ]),
    ),
    limits: all,
    admission: createAdmission(all.texts),
    shutdown: new AbortController(),
    observers,
  }
}

/** What requests to a model read that name no overlay, as it is now; null where it holds its tables. */
export const tablesOf = ({ edits, model }: ServedModel): string | null => edits?.tables ?? model.tables ?? null

/** @throws 404 for a model that is not served */
export function findModel({ models }: ServerState, id: string): Served {
  const served = models.get(id)
  if (served) return served
  const known = [...models.keys()].slice(0, 10).join(', ')
  throw apiError(404, `The model '${id.slice(0, 100)}' does not exist; there is ${known}.`, {
    param: 'model',
    code: 'model_not_found',
  })
}
