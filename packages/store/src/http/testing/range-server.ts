import { open, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** What goes wrong with one answer. */
export interface Fault {
  /** This instead of the file. */
  readonly status?: number
  /** As if there had been no Range. */
  readonly ignoreRange?: boolean
  /** Over those that would be right. */
  readonly headers?: Readonly<Record<string, string>>
  /** After so many bytes of the body (0: before its headers), `does` happens. */
  readonly after?: number
  /** A function is awaited, and the answer goes on. Default: 'stall'. */
  readonly does?: 'stall' | 'drop' | 'end' | (() => Promise<void>)
  /** Bytes too many. */
  readonly extra?: number
}

export interface ServedRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  /** Of the range asked for: [first, last]. */
  readonly range: readonly [number, number] | undefined
  status: number
  /** 'cut': the connection closed before the answer was complete. */
  outcome: 'under way' | 'complete' | 'cut'
  readonly at: number
}

export interface RangeServer {
  /** Of the folder, without a slash at its end. */
  readonly url: string
  /** All requests so far. */
  readonly log: ServedRequest[]
  /** The next requests go wrong like this, one each; undefined is for one that does not. */
  fail(...faults: (Fault | undefined)[]): void
  /** Those to come, all of them. */
  failAll(fault: Fault | undefined): void
  /** The most requests that were under way together. */
  mostAtOnce(): number
  close(): Promise<void>
}

export interface RangeServerOptions {
  /** What it gives to recognise a file by. Default: 'strong'. */
  readonly validators?: 'strong' | 'weak' | 'date' | 'none'
  /** Whether a condition on the file is looked at. Default: true. */
  readonly conditions?: boolean
}

/** Serves a folder over real HTTP, with ranges and ETags, and misbehaves on demand. */
export async function serveFolder(folder: string, options: RangeServerOptions = {}): Promise<RangeServer> {
  const log: ServedRequest[] = []
  const faults: (Fault | undefined)[] = []
  let faultOfAll: Fault | undefined
  let underWay = 0
  let most = 0

  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    const served: ServedRequest = {
      path: request.url ?? '',
      headers: request.headers,
      range: range === null ? undefined : [Number(range[1]), Number(range[2])],
      status: 0,
      outcome: 'under way',
      at: performance.now(),
    }
    log.push(served)
    most = Math.max(most, ++underWay)
    response.on('close', () => {
      underWay--
      served.status = response.statusCode
      served.outcome = response.writableFinished ? 'complete' : 'cut'
    })
    const fault = (faults.length > 0 ? faults.shift() : faultOfAll) ?? {}
    answer(folder, served, response, fault, options).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    log,
    fail: (...next) => void faults.push(...next),
    failAll: (fault) => void (faultOfAll = fault),
    mostAtOnce: () => most,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  folder: string,
  { path, range, headers: asked }: ServedRequest,
  response: ServerResponse,
  fault: Fault,
  { validators = 'strong', conditions = true }: RangeServerOptions,
): Promise<void> {
  if (fault.status !== undefined) {
    response.writeHead(fault.status, fault.headers).end('no')
    return
  }
  const name = join(folder, new URL(path, 'http://x').pathname)
  const { size, mtime, mtimeMs } = await stat(name).catch(() => ({ size: -1, mtime: new Date(), mtimeMs: 0 }))
  if (size < 0) {
    response.writeHead(404).end('no')
    return
  }
  const etag = `"${mtimeMs.toString(36)}-${size.toString(36)}"`
  const modified = mtime.toUTCString()
  const changed =
    (asked['if-match'] !== undefined && asked['if-match'] !== etag) ||
    (asked['if-unmodified-since'] !== undefined && Date.parse(asked['if-unmodified-since']) < Date.parse(modified))
  if (conditions && changed) {
    response.writeHead(412).end()
    return
  }
  const partial = range !== undefined && fault.ignoreRange !== true
  if (partial && range[0] >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
    return
  }
  const [first, last] = partial ? [range[0], Math.min(range[1], size - 1)] : [0, size - 1]
  if (fault.after === 0 && !(await happens(fault, response))) return
  const sendsDate = validators === 'weak' || validators === 'date'
  response.writeHead(partial ? 206 : 200, {
    ...(fault.extra === undefined ? { 'content-length': String(last + 1 - first) } : {}),
    ...(partial ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
    ...(validators === 'strong' || validators === 'weak' ? { etag: validators === 'weak' ? `W/${etag}` : etag } : {}),
    ...(sendsDate ? { 'last-modified': modified } : {}),
    ...fault.headers,
  })
  // The file is opened after its headers were made: what it is replaced by in between is what a careless server sends.
  const file = await open(name)
  try {
    let happened = fault.after === undefined || fault.after === 0
    for (let at = first; at <= last;) {
      const until = happened ? last + 1 : Math.min(last + 1, first + fault.after!)
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(until - at, 16_384)), { position: at })
      if (bytesRead === 0) {
        response.destroy()
        return
      }
      at += bytesRead
      await new Promise((resolve) => response.write(buffer.subarray(0, bytesRead), resolve))
      if (response.destroyed) return
      if (!happened && at >= first + fault.after!) {
        happened = true
        if (!(await happens(fault, response))) return
      }
    }
    if (fault.extra !== undefined) response.write(Buffer.alloc(fault.extra))
    response.end()
  } finally {
    await file.close()
  }
}

/** Whether the answer goes on. */
async function happens({ does = 'stall' }: Fault, response: ServerResponse): Promise<boolean> {
  if (typeof does === 'function') {
    await does()
    return true
  }
  if (does === 'drop') response.destroy()
  if (does === 'end') response.end()
  return false
}
