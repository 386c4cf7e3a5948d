import { StemkitError } from '@stemkit/spec/errors'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** What OpenAI's clients expect of an answer that is none. */
export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    /** The field of the request that is meant. */
    readonly param: string | null
    readonly code: string | null
  }
}

export interface ApiErrorOptions {
  readonly param?: string | undefined
  readonly code?: string | undefined
  /** Default: by status. */
  readonly type?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
}

export function errorBody(status: number, message: string, options: ApiErrorOptions = {}): ErrorBody {
  const { param = null, code = null, type = typeOf(status) } = options
  return { error: { message, type, param, code } }
}

/** What a handler throws to answer with an error. */
export function apiError(status: ContentfulStatusCode, message: string, options: ApiErrorOptions = {}): HTTPException {
  const res = Response.json(errorBody(status, message, options), { status, headers: options.headers ?? {} })
  return new HTTPException(status, { message, res, cause: options.cause })
}

/** The error of a request whose field `param` makes no sense. */
export const badRequest = (message: string, param?: string, code?: string): HTTPException =>
  apiError(400, message, { param, code })

/**
 * How an error is answered. What is the request's fault is told; anything else is for the log alone, as it may name files
 * and hosts.
 */
export function toApiError(error: unknown): HTTPException {
  if (error instanceof HTTPException) {
    // The framework's own come without a body.
    return error.res ? error : apiError(error.status as ContentfulStatusCode, error.message, { cause: error.cause })
  }
  if (StemkitError.isInstance(error) && (error.code === 'bad-input' || error.code === 'unsupported')) {
    return apiError(400, error.message, { cause: error })
  }
  return apiError(500, 'The server failed; its log says how. Try again later.', {
    code: 'internal_error',
    cause: error,
  })
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
