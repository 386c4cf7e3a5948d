import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface FolderServer {
  readonly url: string
  /** Bytes of bodies that were asked for so far. */
  bytes: number
  /** Requests for more than this many bytes in all are not answered. */
  limit: number
  /** What they meet instead. */
  beyond: 'silence' | 'a closed connection'
  close(): Promise<void>
}

/** Serves a folder over HTTP with ranges and ETags, and fails on demand. */
export async function serveFolder(folder: string): Promise<FolderServer> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const path = join(folder, new URL(request.url ?? '', 'http://x').pathname)
      const found = await stat(path).catch(() => undefined)
      if (found === undefined) return void response.writeHead(404).end()
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      const start = Number(first ?? 0)
      const end = Math.min(Number(last ?? found.size), found.size - 1)
      self.bytes += end + 1 - start
      if (self.bytes > self.limit) {
        if (self.beyond === 'a closed connection') response.destroy()
        return
      }
      response.writeHead(first === undefined ? 200 : 206, {
        'content-length': end + 1 - start,
        etag: `"${found.mtimeMs}-${found.size}"`,
        ...(first !== undefined && { 'content-range': `bytes ${start}-${end}/${found.size}` }),
      })
      createReadStream(path, { start, end }).pipe(response)
    }
    answer().catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const self: FolderServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: 0,
    limit: Infinity,
    beyond: 'silence',
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return self
}
