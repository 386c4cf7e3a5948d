import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from './create-server.ts'
import { listen, type Listener } from './node.ts'
import type { Malformed } from './testing/broken-bodies.ts'
import { malformedAdmin, soundAdmin } from './testing/malformed-admin.ts'
import { faultOf, sendMalformed } from './testing/send-malformed.ts'
import { editedModel, type EditedModel } from './testing/stored-tables.ts'

/** `pnpm fuzz:server` sends ten thousand. */
const RUNS = Number(process.env['STEMKIT_FUZZ_RUNS'] ?? 300)
const MINUTES = 60_000 * 20
const HANGS_MS = 30_000

const KEYS = {
  none: undefined,
  api: 'Bearer api-key',
  other: 'Bearer admin-key-',
  basic: 'Basic admin-key',
  admin: 'Bearer admin-key',
}

let folder: string
let served: EditedModel
let listener: Listener
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-malformed-'))
  served = await editedModel(folder)
  const server = createServer({ models: { tiny: served }, apiKeys: ['api-key'], adminKeys: ['admin-key'] })
  listener = await listen({ server, port: 0 })
})
afterAll(async () => {
  agent.destroy()
  await listener.close()
  await served.dispose()
  await rm(folder, { recursive: true })
})

function send(request: Malformed, key: keyof typeof KEYS) {
  const authorization = KEYS[key]
  const headers = [...request.headers, ...(authorization ? [['authorization', authorization] as const] : [])]
  return sendMalformed(listener.port, { ...request, headers }, agent)
}
const nameOf = ({ method, path }: Malformed): string => `${method} ${path}`

describe('the administration that is sent nonsense', () => {
  test(
    'refuses it, whoever sends it, and changes nothing',
    async () => {
      await fc.assert(
        fc.asyncProperty(malformedAdmin, fc.constantFrom('admin', 'admin', 'api', 'none'), async (request, key) => {
          const before = served.edits.tables
          const answer = await send(request, key)
          expect(faultOf(answer), `${nameOf(request)} -> ${answer.body.slice(0, 300)}`).toBe(undefined)
          expect(served.edits.tables, nameOf(request)).toBe(before)
        }),
        { numRuns: RUNS, timeout: HANGS_MS },
      )
      const list = await send(
        { method: 'GET', path: '/admin/edits?model=tiny', headers: [], body: new Uint8Array() },
        'admin',
      )
      expect(JSON.parse(list.body)).toMatchObject({ data: [] })
      expect(served.model.stats()).toMatchObject({ running: 0, waiting: 0 })
    },
    MINUTES,
  )

  test(
    'says 401 to what makes sense but comes without an admin key',
    async () => {
      const before = served.edits.tables
      await fc.assert(
        fc.asyncProperty(soundAdmin, fc.constantFrom('none', 'api', 'other', 'basic'), async (request, key) => {
          const answer = await send(request, key)
          expect(answer.status, nameOf(request)).toBe(401)
          expect(faultOf(answer)).toBe(undefined)
          expect(served.edits.tables).toBe(before)
        }),
        { numRuns: Math.ceil(RUNS / 10), timeout: HANGS_MS },
      )
    },
    MINUTES,
  )
})
