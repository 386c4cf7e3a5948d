import { createMiddleware } from 'hono/factory'
import type { GenerationRecord } from '../observer.ts'
import type { ServerEnv, ServerState } from '../server-state.ts'

/** A request under way, until it is over. */
export interface Tracked {
  /** `performance.now()` of its arrival. */
  readonly startedAt: number
  generation?: GenerationRecord
  /** Why it failed, for the log. */
  error?: unknown
  /** Set where the answer goes on after the handler has returned; who sets it calls `end`. */
  isStreaming: boolean
  /** Whether there is no such path. */
  isNowhere: boolean
  end(status: number): void
}

/** Tells the observers of each request once it is over. */
export const trackRequests = ({ observers }: ServerState) =>
  createMiddleware<ServerEnv>(async (context, next) => {
    const startedAt = performance.now()
    let ended = false
    const tracked: Tracked = {
      startedAt,
      isStreaming: false,
      isNowhere: false,
      end(status) {
        if (ended) return
        ended = true
        const { generation, error } = tracked
        const record = {
          id: context.get('requestId'),
          method: context.req.method,
          route: tracked.isNowhere ? 'none' : routeOf(context.req.routePath),
          status,
          seconds: (performance.now() - startedAt) / 1000,
          ...(error !== undefined && { error }),
          ...(generation && { generation }),
        }
        for (const observer of observers) observer.onRequest?.(record)
      },
    }
    context.set('tracked', tracked)
    await next()
    // Answers to errors are made anew.
    context.header('x-request-id', context.get('requestId'))
    tracked.error ??= context.error?.cause
    if (!tracked.isStreaming) tracked.end(context.res.status)
  })

const routeOf = (path: string): string => path.replace(/\{.*\}$/, '')
