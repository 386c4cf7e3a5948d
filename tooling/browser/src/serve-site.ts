import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { Answer } from './answer.ts'

export interface SiteOptions {
  /** Served below `/files`, with ranges. */
  readonly folder: string
  /** The page's script, a module. */
  readonly script: string
  /** Whether the page may share memory with threads. */
  readonly isolated: boolean
  /** Whether the files are at another origin than the page. Default: no. */
  readonly elsewhere?: boolean
}

export interface Site {
  /** Of the page. */
  readonly url: string
  /** Of the folder, without a slash at its end. */
  readonly files: string
  /** What the page gives. */
  readonly answered: Promise<Answer>
  close(): Promise<void>
}

/** The strictest policy that a page can have that computes in WebAssembly and by threads. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; connect-src 'self'"

/** What makes a page cross-origin isolated. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** What pages of other origins need to read rows and models. */
const SHARING = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'Range, If-Match, If-Unmodified-Since',
  'access-control-expose-headers': 'Content-Range, ETag',
}

const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>'

/** A page with its script and the files of a folder on a port of this machine. */
export async function serveSite({ folder, script, isolated, elsewhere = false }: SiteOptions): Promise<Site> {
  let files = ''
  const { promise: answered, resolve: answer } = Promise.withResolvers<Answer>()
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const headers = {
      'content-security-policy': `${POLICY} ${files}/`,
      ...(isolated && ISOLATION),
      ...(elsewhere && SHARING),
    }
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const send = (type: string, text: string): void => void response.writeHead(200, { 'content-type': type }).end(text)
    if (request.method === 'OPTIONS') response.writeHead(204).end()
    else if (request.method === 'POST') {
      answer((await json(request)) as Answer)
      response.writeHead(204).end()
    } else if (pathname === '/') send('text/html', PAGE)
    else if (pathname === '/page.js') send('text/javascript', script)
    else await sendFile(join(folder, pathname.replace(/^\/files\//u, '')), request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  files = `http://${elsewhere ? 'localhost' : '127.0.0.1'}:${port}/files`
  return {
    url: `http://127.0.0.1:${port}/?files=${encodeURIComponent(files)}`,
    files,
    answered,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function sendFile(path: string, { headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await readFile(path).catch(() => undefined)
  if (!bytes) return void response.writeHead(404).end()
  response.setHeader('etag', `"${bytes.length}"`)
  const asked = /^bytes=(\d+)-(\d+)$/u.exec(headers.range ?? '')
  if (!asked) return void response.writeHead(200).end(bytes)
  const first = Number(asked[1])
  const part = bytes.subarray(first, Number(asked[2]) + 1)
  const range = `bytes ${first}-${first + part.length - 1}/${bytes.length}`
  response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part)
}
