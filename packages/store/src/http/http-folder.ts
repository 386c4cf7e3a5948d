import { StemkitError } from '@stemkit/spec/errors'
import type { Fetch } from './exchange.ts'
import { createHttpClient, type HttpClient, type RemoteFile } from './http-client.ts'

export interface HttpOptions {
  /** Default: the global one. */
  readonly fetch?: Fetch | undefined
  /** Sent with every request. */
  readonly headers?: HeadersInit | undefined
  /** How often a failed request is repeated, waiting 100 ms, then twice as long each time. Default: 6. */
  readonly retries?: number | undefined
  /** Milliseconds without a byte after which a request has failed. Default: 30,000. */
  readonly timeout?: number | undefined
  /** Requests at a time. Default: 8. */
  readonly concurrency?: number | undefined
}

/** The files below a URL, and what requests them. */
export interface HttpFolder {
  readonly client: HttpClient
  file(path: string): RemoteFile
}

/** @throws bad-input for a URL or an option that is none; `what` begins the message */
export function httpFolder(what: string, url: string | URL, options: HttpOptions): HttpFolder {
  const { concurrency = 8, retries = 6, timeout = 30_000 } = options
  for (const [name, value, least] of [
    ['concurrency', concurrency, 1],
    ['retries', retries, 0],
    ['timeout', timeout, 1],
  ] as const) {
    if (!(value >= least))
      throw new StemkitError('bad-input', `${what}: ${name} is ${value}, it must be at least ${least}`)
  }
  const { file, authorization } = folderAt(what, url)
  const headers = new Headers(options.headers)
  if (authorization !== undefined && !headers.has('authorization')) headers.set('authorization', authorization)
  const fetch: Fetch = options.fetch ?? ((at, init) => globalThis.fetch(at, init))
  return { file, client: createHttpClient({ fetch, headers, retries, timeout, concurrency }) }
}

export function folderAt(
  what: string,
  url: string | URL,
): { file: (path: string) => RemoteFile; authorization: string | undefined } {
  const folder = URL.parse(url)
  if (folder === null || !/^https?:$/.test(folder.protocol)) {
    const hint = folder === null ? 'is no URL' : `begins with ${folder.protocol}`
    throw new StemkitError('bad-input', `${what}: the URL ${hint}, it must be one of http: or https:`)
  }
  const authorization = folder.username === '' ? undefined : basicAuthorization(folder)
  folder.username = ''
  folder.password = ''
  folder.hash = ''
  if (!folder.pathname.endsWith('/')) folder.pathname += '/'
  const file = (path: string): RemoteFile => {
    const at = new URL(folder)
    at.pathname += path
    return { url: at, name: at.origin + at.pathname }
  }
  return { file, authorization }
}

function basicAuthorization({ username, password }: URL): string {
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}
