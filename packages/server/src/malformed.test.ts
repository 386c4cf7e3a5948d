import { Agent } from 'node:http'
import fc from 'fast-check'
import type { Model } from '@stemkit/generate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from './create-server.ts'
import { listen, type Listener } from './node.ts'
import { malformed, noHttp } from './testing/malformed.ts'
import { faultOf, sendBytes, sendMalformed } from './testing/send-malformed.ts'
import { tinyModel, tinyTemplate } from './testing/tiny-served.ts'

/** `pnpm fuzz:server` sends ten thousand. */
const RUNS = Number(process.env['STEMKIT_FUZZ_RUNS'] ?? 300)
const MINUTES = 60_000 * 20

let model: Model
let listener: Listener
const agent = new Agent({ keepAlive: true, maxSockets: 8 })
beforeAll(async () => {
  model = await tinyModel()
  const server = createServer({ models: { tiny: { model, chatTemplate: tinyTemplate } } })
  listener = await listen({ server, port: 0 })
})
afterAll(async () => {
  agent.destroy()
  await listener.close()
  await model.dispose()
})

describe('a server that is sent nonsense', () => {
  test(
    'refuses it with a status of its own and the shape of all errors, and lives',
    async () => {
      await fc.assert(
        fc.asyncProperty(malformed, async (request) => {
          const answer = await sendMalformed(listener.port, request, agent)
          expect(faultOf(answer), `${request.method} ${request.path} -> ${answer.body.slice(0, 300)}`).toBe(undefined)
        }),
        { numRuns: RUNS },
      )
      expect(model.stats()).toMatchObject({ running: 0, waiting: 0 })
      expect((await fetch(`${listener.url}/health`)).status).toBe(200)
    },
    MINUTES,
  )

  test(
    'answers even what is no HTTP',
    async () => {
      await fc.assert(
        fc.asyncProperty(noHttp, async (bytes) => {
          expect(faultOf(await sendBytes(listener.port, bytes))).toBe(undefined)
        }),
        { numRuns: Math.ceil(RUNS / 10) },
      )
      expect((await fetch(`${listener.url}/health`)).status).toBe(200)
    },
    MINUTES,
  )
})
