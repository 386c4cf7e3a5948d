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
}

export interface Site {
  /** Of the page. */
  readonly url: string
  /** What the page gives. */
  readonly answered: Promise<Answer>
  close(): Promise<void>
}

/** The strictest policy that a page can have that computes in WebAssembly and by threads. */
const POLICY = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; connect-src 'self'`

/** What makes a page cross-origin isolated. */
const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

const PAGE = '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>'

/** A page with its script and the files of a folder on a port of this machine. */
export async function serveSite({ folder, script, isolated }: SiteOptions): Promise<Site> {
  const { promise: answered, resolve: answer } = Promise.withResolvers<Answer>()
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const send = (type: string, text: string): void =>
      void response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(text)
    if (isolated) for (const [name, value] of Object.entries(ISOLATION)) response.setHeader(name, value)
    if (pathname === '/') send('text/html', PAGE)
    else if (pathname === '/page.js') send('text/javascript', script)
    else if (pathname.startsWith('/files/')) await sendFile(join(folder, pathname.slice(7)), request, response)
    else if (request.method === 'POST' && pathname === '/answer') {
      answer((await json(request)) as Answer)
      send('text/plain', '')
    } else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
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
