import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface StaticServer {
  /** Of the folder, without a slash at its end. */
  readonly url: string
  /** Requests so far: path and range. */
  readonly log: string[]
  /** The next answers break off in their middle. */
  breakNext(count: number): void
  close(): Promise<void>
}

/** Serves a folder over real HTTP, with ranges and ETags. */
export async function serveStatic(folder: string): Promise<StaticServer> {
  const log: string[] = []
  let breaking = 0
  const server = createServer(async ({ url = '', headers }, response) => {
    const path = new URL(url, 'http://x').pathname
    log.push(`${path} ${headers.range}`)
    const bytes = await readFile(join(folder, path)).catch(() => undefined)
    if (!bytes) return response.writeHead(404).end()
    const etag = `"${bytes.length}-${bytes.at(-1)}"`
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) return response.writeHead(412).end()
    const asked = /bytes=(\d+)-(\d+)/u.exec(headers.range ?? '')
    if (!asked) return response.writeHead(200, { etag }).end(bytes)
    const [first, last] = asked.slice(1).map(Number) as [number, number]
    const part = bytes.subarray(first, last + 1)
    const range = `bytes ${first}-${first + part.length - 1}/${bytes.length}`
    response.writeHead(206, { etag, 'content-range': range, 'content-length': part.length })
    if (breaking === 0 || first === 0) return response.end(part)
    breaking--
    return response.write(part.subarray(0, part.length >> 1), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    breakNext: (count) => (breaking = count),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
