import { connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a server, and can keep back what was sent. */
export interface Proxy {
  readonly port: number
  /** From now on, what comes over the connections that there are is kept, and nothing comes back. New ones work. */
  hold(): void
  /** Passes on what was kept, to the server, be the client still there or not. */
  release(): void
  close(): void
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs: { client: Socket; server: Socket; held: boolean; kept: Buffer[] }[] = []
  const listener = createServer((client) => {
    const pair = { client, server: connect(target, '127.0.0.1'), held: false, kept: [] as Buffer[] }
    pairs.push(pair)
    client.on('data', (bytes: Buffer) => (pair.held ? pair.kept.push(bytes) : pair.server.write(bytes)))
    pair.server.on('data', (bytes: Buffer) => (pair.held ? undefined : client.write(bytes)))
    client.on('close', () => (pair.held ? undefined : pair.server.destroy()))
    pair.server.on('close', () => client.destroy())
    client.on('error', () => undefined)
    pair.server.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as { port: number }).port,
    hold: () => pairs.forEach((pair) => (pair.held = true)),
    release: () => pairs.forEach((pair) => pair.kept.splice(0).forEach((bytes) => pair.server.write(bytes))),
    close() {
      listener.close()
      for (const { client, server } of pairs) {
        client.destroy()
        server.destroy()
      }
    },
  }
}
