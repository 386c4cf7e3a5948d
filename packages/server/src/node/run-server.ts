import { createServer, type StemServer } from '../create-server.ts'
import type { RequestRecord, ServerObserver } from '../observer.ts'
import type { ServedModel, ServerOptions } from '../options.ts'
import { listen } from './listen.ts'
import { prometheus } from './prometheus.ts'
import { startingServer } from './starting.ts'

export interface RunServerOptions extends Omit<ServerOptions, 'metrics' | 'models'> {
  /** Makes the models, by name. Called once the port is had; until it resolves, requests are answered with 503. */
  readonly load: () => Promise<Readonly<Record<string, ServedModel>>>
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Fires to shut down. */
  readonly signal: AbortSignal
  /** Milliseconds that running requests get to end by themselves. Default 30 s. */
  readonly drainMs?: number | undefined
  /** Fires to wait no longer for them. */
  readonly hurry?: AbortSignal | undefined
  /** Told when requests are taken. */
  readonly onListening?: ((url: string) => void) | undefined
  readonly onDraining?: ((inFlight: number) => unknown) | undefined
}

/**
 * Serves until `signal` fires and running requests have ended, with metrics for Prometheus. Resolves to the number of texts
 * that were cut short.
 * @throws io where the port cannot be had; what `load` throws
 */
export async function runServer(options: RunServerOptions): Promise<number> {
  const { host, port, signal, hurry, drainMs, load, onListening, onDraining } = options
  let serving: StemServer | undefined
  const listener = await listen({
    server: {
      fetch: (request) => (serving ?? startingServer).fetch(request),
      drain: (how) => (serving ?? startingServer).drain(how),
    },
    host,
    port,
  })
  let server: StemServer
  try {
    server = serving = serverOf(options, await load())
  } catch (error) {
    await listener.close()
    throw error
  }
  onListening?.(listener.url)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  onDraining?.(server.inFlight)
  return listener.close({ timeoutMs: drainMs, signal: hurry })
}

function serverOf(options: RunServerOptions, models: ServerOptions['models']): StemServer {
  const watched = prometheus({ models })
  const observers = [...(watched.observers ?? []), ...(options.observers ?? [])]
  return createServer({ ...options, models, metrics: watched.metrics, observers })
}

/** One line of JSON for each request; what the server itself did wrong comes with its stack. */
export const jsonLog = (write: (line: string) => void): ServerObserver => ({
  onRequest: (record) => write(`${JSON.stringify({ time: new Date().toISOString(), ...entryOf(record) })}\n`),
})

/** Only what the server itself did wrong, a line each. */
export const errorLog = (write: (line: string) => void): ServerObserver => ({
  onRequest({ id, method, route, status, error }) {
    if (status < 500 || error === undefined) return
    write(`${method} ${route} ${status} ${id}: ${describe(error)}\n`)
  },
})

function entryOf({ error, generation, seconds, ...rest }: RequestRecord): object {
  const isOurs = rest.status >= 500
  return {
    ...rest,
    ms: Math.round(seconds * 1e5) / 100,
    ...generation,
    ...(isOurs && error !== undefined && { error: describe(error) }),
  }
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
