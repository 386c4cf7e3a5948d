import { apiError } from '../api-error.ts'
import type { StemServer } from '../create-server.ts'

/** What answers while models are being loaded: `/health` says so, and everything else is to come again. */
export const startingServer: Pick<StemServer, 'fetch' | 'drain'> = {
  async fetch(request) {
    const headers = { 'retry-after': '5' }
    if (new URL(request.url).pathname.endsWith('/health')) {
      return Response.json({ status: 'loading' }, { status: 503, headers })
    }
    const message = 'The server is starting, and its models are being loaded; try again soon.'
    return apiError(503, message, { code: 'loading', headers }).getResponse()
  },
  drain: async () => 0,
}
