import { StemkitError } from '@stemkit/spec/errors'
import { Passing, retryAfter, retrying } from '@stemkit/spec/retrying'

export interface EndpointOptions {
  /** Of the API, as clients of OpenAI take it: `http://localhost:8080/v1`. */
  readonly url: string | URL
  readonly apiKey?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How often a request is repeated that meets a busy or broken server. Default 6, which is about half a minute. */
  readonly retries?: number | undefined
  /** Milliseconds for one request. Default 10 minutes. */
  readonly timeout?: number | undefined
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined
}

/** A server that answers JSON with JSON. */
export interface Endpoint {
  readonly name: string
  /** @throws bad-input for what the server refuses, with what it says; io for one that is not there, or stays busy */
  post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown>
  /** Undefined where the server has no such path. */
  get(path: string, signal: AbortSignal | undefined): Promise<unknown>
}

/** A refusal by the server: repeating the request does not help. */
const REFUSED = new Set([400, 401, 403, 404, 405, 413, 415, 422])
const MISSING = new Set([404, 405, 501])

export function openEndpoint(options: EndpointOptions): Endpoint {
  const { apiKey, retries = 6, timeout = 600_000, fetch: send = fetch } = options
  const base = String(options.url).replace(/\/+$/u, '')
  const name = withoutCredentials(base)
  const headers = {
    'content-type': 'application/json',
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...options.headers,
  }

  const request = (path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response | string> =>
    retrying({ retries, where: `${name}${path}`, signal }, async () => {
      const deadline = AbortSignal.timeout(timeout)
      const stop = signal ? AbortSignal.any([signal, deadline]) : deadline
      let response: Response
      let text: string
      try {
        response = await send(`${base}${path}`, { ...init, headers, signal: stop })
        text = await response.text()
      } catch (cause) {
        signal?.throwIfAborted()
        const why = deadline.aborted ? `no answer in ${timeout / 1000} s` : reasonOf(cause)
        throw new Passing(`the connection failed (${why})`, { cause })
      }
      if (response.ok) return text
      if (init.method === 'GET' && MISSING.has(response.status)) return response
      const says = `${response.status} ${messageIn(text)}`.trim()
      if (REFUSED.has(response.status)) {
        throw new StemkitError('bad-input', `${name}${path} refuses the request: ${says}`)
      }
      throw new Passing(`the server answers ${says}`, { wait: retryAfter(response.headers.get('retry-after')) })
    })

  const parse = (path: string, text: string): unknown => {
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new StemkitError('corrupt', `${name}${path} answers with something that is no JSON`, { cause })
    }
  }

  return {
    name,
    async post(path, body, signal) {
      const text = await request(path, { method: 'POST', body: JSON.stringify(body) }, signal)
      return parse(path, text as string)
    },
    async get(path, signal) {
      const text = await request(path, { method: 'GET' }, signal)
      return typeof text === 'string' ? parse(path, text) : undefined
    },
  }
}

function withoutCredentials(url: string): string {
  try {
    const parsed = new URL(url)
    return `${parsed.origin}${parsed.pathname}`
  } catch {
    throw new StemkitError('bad-input', `'${url}' is no URL; give one such as http://localhost:8080/v1`)
  }
}

/** What a failed fetch hides in its cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? (error as Error).message
}

/** The message of an error as OpenAI's API writes it, else the beginning of the text. */
function messageIn(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: { message?: string } | string; message?: string }
    const found = typeof error === 'object' ? error.message : (error ?? message)
    if (found !== undefined) return found
  } catch {
    // It is no JSON.
  }
  return text.slice(0, 200)
}
