import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { ServerOptions } from '../options.ts'
import type { ServerEnv, ServerState } from '../server-state.ts'
import { errors, json } from './answers.ts'

export function addHealth(
  app: OpenAPIHono<ServerEnv>,
  { admission }: ServerState,
  { metrics }: Pick<ServerOptions, 'metrics'>,
): void {
  const health = createRoute({
    method: 'get',
    path: '/health',
    summary: 'Say whether requests are taken',
    security: [],
    responses: {
      200: json(z.object({ status: z.literal('ok') }), 'They are'),
      503: json(z.object({ status: z.literal('draining') }), 'Running ones end, new ones are refused'),
    },
  })
  app.openapi(health, (context) =>
    admission.closed
      ? context.json({ status: 'draining' as const }, 503)
      : context.json({ status: 'ok' as const }, 200),
  )

  if (!metrics) return
  const read = createRoute({
    method: 'get',
    path: '/metrics',
    summary: 'Count and time what the server does, for Prometheus',
    responses: { 401: errors[401], 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
  })
  app.openapi(read, async (context) => {
    const { contentType, body } = await metrics()
    return context.text(body, 200, { 'content-type': contentType })
  })
}
