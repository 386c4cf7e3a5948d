import { createServer as createHttpServer, STATUS_CODES, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { StemkitError } from '@stemkit/spec/errors'
import { apiError, errorBody } from '../api-error.ts'
import type { StemServer } from '../create-server.ts'

export interface ListenOptions {
  readonly server: Pick<StemServer, 'fetch' | 'drain'>
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined
  /** 0 takes one that is free. Default 8080. */
  readonly port?: number | undefined
  /** Milliseconds in which a client has to send its headers. Default 10 s; for a whole request it is three times that. */
  readonly headersTimeoutMs?: number | undefined
}

export interface Listener {
  /** As in `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** Of Node, for what is not in here. */
  readonly http: Server
  /** Drains the server, answering 503 meanwhile, and closes the port. Resolves to the number of texts that were cut short. */
  close(options?: Parameters<StemServer['drain']>[0]): Promise<number>
}

/** Listens on a port. @throws bad-input for one that there cannot be, io if it cannot be had */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { server, host = '127.0.0.1', port = 8080, headersTimeoutMs = 10_000 } = options
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new StemkitError('bad-input', `server: the port is ${port}, but must be a whole number in 0..65535`)
  }
  const listener = getRequestListener((request) => server.fetch(request), {
    overrideGlobalObjects: false,
    errorHandler: (cause) => apiError(400, 'The request cannot be read.', { cause }).getResponse(),
  })
  const http = createHttpServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: 3 * headersTimeoutMs,
      connectionsCheckingInterval: 1000,
      // It is asked for further on, where the refusal has a body.
      requireHostHeader: false,
    },
    (incoming, outgoing) => void listener(incoming, outgoing),
  )
  // Tokens are small, and each should leave at once.
  http.on('connection', (socket) => socket.setNoDelay(true))
  answerWhatIsNoHttp(http)
  await bind(http, host, port)
  const address = http.address() as AddressInfo
  const named = address.family === 'IPv6' ? `[${address.address}]` : address.address

  return {
    url: `http://${named}:${address.port}`,
    port: address.port,
    http,
    async close(how) {
      const cut = await server.drain(how)
      const closed = new Promise<void>((resolve) => http.close(() => resolve()))
      http.closeIdleConnections()
      // Answers that are written, but not yet with their clients, get a moment.
      const timer = setTimeout(() => http.closeAllConnections(), 1000)
      await closed
      clearTimeout(timer)
      return cut
    },
  }
}

async function bind(http: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something else listens there; choose another --port' : cause.message
      reject(new StemkitError('io', `server: cannot listen on ${host} port ${port}: ${why}`, { cause }))
    })
    http.listen(port, host, resolve)
  })
}

/** What Node's parser refuses, in the shape of all other errors. */
function answerWhatIsNoHttp(http: Server): void {
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const [status, message] = STATUS_OF_PARSER[error.code ?? ''] ?? [400, 'The request is not HTTP.']
    const body = JSON.stringify(errorBody(status, message))
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  })
  http.on('checkExpectation', (_, outgoing) => {
    const body = JSON.stringify(errorBody(417, 'The only expectation that is met is 100-continue.'))
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    }
    outgoing.writeHead(417, headers).end(body)
  })
}

const STATUS_OF_PARSER: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
}
