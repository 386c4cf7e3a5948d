import { after } from '../timers.ts'
import { apiError } from '../api-error.ts'

/** Why the work for a request may end before it is done: the client left, it took too long, the server shuts down. */
export interface RequestScope {
  readonly signal: AbortSignal
  /** Ends the work; the client has gone. */
  leave(): void
  /** Lets go of timer and listeners. */
  close(): void
}

export interface RequestScopeOptions {
  /** Fires when the client has gone. */
  readonly client: AbortSignal
  /** Fires when the server waits no longer for what is running. */
  readonly shutdown: AbortSignal
  readonly timeoutMs: number
}

/** What the work for a client that left ends with; nobody is there to be told. */
export class ClientGone extends Error {
  override name = 'ClientGone'
}

// Not AbortSignal.any: listeners on signals that live long have to go when the request is over.
export function openScope({ client, shutdown, timeoutMs }: RequestScopeOptions): RequestScope {
  const controller = new AbortController()
  const leave = (): void => controller.abort(new ClientGone('the client has gone'))
  const stop = (): void =>
    controller.abort(
      apiError(503, 'The server is shutting down; send the request to another one.', { code: 'draining' }),
    )
  const expire = (): void =>
    controller.abort(
      apiError(504, `The request took longer than ${timeoutMs / 1000} s, which is this server's limit.`, {
        code: 'timeout',
      }),
    )
  const timer = after(timeoutMs, expire)
  if (client.aborted) leave()
  else client.addEventListener('abort', leave, { once: true })
  if (shutdown.aborted) stop()
  else shutdown.addEventListener('abort', stop, { once: true })
  return {
    signal: controller.signal,
    leave,
    close() {
      clearTimeout(timer)
      client.removeEventListener('abort', leave)
      shutdown.removeEventListener('abort', stop)
    },
  }
}
