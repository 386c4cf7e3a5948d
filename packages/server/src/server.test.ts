import type { Model } from '@stemkit/generate'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createServer } from './create-server.ts'
import type { RequestRecord } from './observer.ts'
import type { ServerOptions } from './options.ts'
import { expectError, get, post } from './testing/call.ts'
import { tinyModel, tinyTemplate } from './testing/tiny-served.ts'

let model: Model
beforeAll(async () => {
  model = await tinyModel({ maxLength: 2048 }, { speculate: false })
})
afterAll(() => model.dispose())

const serve = (options: Omit<ServerOptions, 'models'> = {}) =>
  createServer({ models: { tiny: { model, chatTemplate: tinyTemplate } }, ...options })
const short = { model: 'tiny', prompt: 'the', max_tokens: 2 }
/** Runs until somebody stops it: the end of text is ruled out. */
const endless = { model: 'tiny', prompt: 'the', max_tokens: 2000, stream: true, logit_bias: { 258: -100 } }
const COMPLETIONS = '/v1/completions'

describe('a server', () => {
  test('lists its models, and describes one', async () => {
    const { fetch } = serve()
    const card = {
      id: 'tiny',
      object: 'model',
      created: expect.any(Number) as unknown,
      owned_by: 'stemkit',
      max_model_len: 2048,
      chat: true,
      tables: null,
    }
    expect(await (await get(fetch, '/v1/models')).json()).toEqual({ object: 'list', data: [card] })
    expect(await (await get(fetch, '/v1/models/tiny')).json()).toEqual(card)
    await expectError(await get(fetch, '/v1/models/org/other'), 404)
  })

  test('describes itself as OpenAPI', async () => {
    const document = (await (await get(serve().fetch, '/openapi.json')).json()) as { paths: object; openapi: string }
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths).toSorted()).toEqual([
      '/health',
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/models',
      '/v1/models/{model}',
    ])
  })

  test('names each request, as the client did if it did', async () => {
    const { fetch } = serve()
    expect((await get(fetch, '/health')).headers.get('x-request-id')).toMatch(/^[\w-]{20,}$/)
    const named = await get(fetch, '/health', { headers: { 'x-request-id': 'mine-1' } })
    expect(named.headers.get('x-request-id')).toBe('mine-1')
  })

  test('says which paths and methods there are not', async () => {
    const { fetch } = serve()
    await expectError(await get(fetch, '/v2/models'), 404)
    await expectError(await get(fetch, '/metrics'), 404)
    const response = await get(fetch, COMPLETIONS)
    await expectError(response, 405)
    expect(response.headers.get('allow')).toBe('POST')
    await expectError(await post(fetch, '/v1/models', {}), 405)
    await expectError(await get(fetch, '/health', { method: 'DELETE' }), 405)
  })

  test.each([
    ['no JSON', '{"model": ', {}, 400],
    ['nothing', '', {}, 400],
    ['a list', '[]', {}, 400],
    ['null', 'null', {}, 400],
    ['another type', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['no type', '{}', { 'content-type': '' }, 415],
    ['another charset', '{}', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['compressed', '{}', { 'content-encoding': 'gzip' }, 415],
    ['too large', JSON.stringify({ ...short, prompt: 'a'.repeat(2000) }), {}, 413],
    ['too large by its own account', '{}', { 'content-length': '9999' }, 413],
    ['deep', `${'['.repeat(900)}${']'.repeat(900)}`, {}, 400],
  ] as const)('refuses a body that is %s', async (_, body, headers, status) => {
    const { fetch } = serve({ limits: { bodyBytes: 1900 } })
    await expectError(await post(fetch, COMPLETIONS, body, { headers }), status)
  })

  test('refuses a body that is not UTF-8', async () => {
    const body = Uint8Array.from([...new TextEncoder().encode('{"model":"tiny","prompt":"'), 0xc3, 0x28, 0x22, 0x7d])
    const response = await post(serve().fetch, COMPLETIONS, '', { body })
    expect((await expectError(response, 400)).message).toContain('UTF-8')
  })

  test('lets nobody in without a key, if it has keys', async () => {
    const { fetch } = serve({
      apiKeys: ['first-key', 'second-key'],
      metrics: async () => ({ contentType: 'text/plain', body: '' }),
    })
    const using = (authorization: string) => get(fetch, '/v1/models', { headers: { authorization } })
    for (const key of ['first-key', 'second-key']) expect((await using(`Bearer ${key}`)).status).toBe(200)
    const without = await get(fetch, '/v1/models')
    expect((await expectError(without, 401)).type).toBe('authentication_error')
    expect(without.headers.get('www-authenticate')).toBe('Bearer')
    for (const wrong of ['Bearer first-ke', 'Bearer first-key2', 'Bearer ', 'first-key', 'Basic first-key']) {
      await expectError(await using(wrong), 401)
    }
    expect((await expectError(await using('Bearer no'), 401)).code).toBe('invalid_api_key')
    await expectError(await get(fetch, '/metrics'), 401)
    expect((await get(fetch, '/health')).status).toBe(200)
    expect((await get(fetch, '/openapi.json')).status).toBe(200)
  })

  test('answers pages of the origins that it is told, and of no others', async () => {
    const asking = (options: ServerOptions['cors'], origin: string) =>
      get(serve({ cors: options, apiKeys: ['key'] }).fetch, '/v1/completions', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      })
    const allowed = await asking(['https://app.test'], 'https://app.test')
    expect(allowed.status).toBe(204)
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.test')
    expect((await asking(['https://app.test'], 'https://evil.test')).headers.get('access-control-allow-origin')).toBe(
      null,
    )
    expect((await asking('*', 'https://any.test')).headers.get('access-control-allow-origin')).toBe('*')
    const refused = await post(serve({ cors: '*' }).fetch, COMPLETIONS, {}, { headers: { origin: 'https://any.test' } })
    await expectError(refused, 400)
    expect(refused.headers.get('access-control-allow-origin')).toBe('*')
    const none = await asking(undefined, 'https://app.test')
    expect(none.status).toBe(401)
    expect(none.headers.get('access-control-allow-origin')).toBe(null)
  })

  test('works below a path', async () => {
    const { fetch } = serve({ basePath: '/llm', apiKeys: ['key'] })
    const headers = { authorization: 'Bearer key' }
    expect((await post(fetch, '/llm/v1/completions', short, { headers })).status).toBe(200)
    await expectError(await post(fetch, '/llm/v1/completions', short), 401)
    await expectError(await get(fetch, '/llm/v1/completions', { headers }), 405)
    await expectError(await post(fetch, '/v1/completions', short, { headers }), 404)
  })
})

describe('under load', () => {
  /** Starts a text that does not end. */
  const start = async (fetch: ReturnType<typeof serve>['fetch'], init?: RequestInit) => {
    const response = await post(fetch, COMPLETIONS, endless, init)
    expect(response.status).toBe(200)
    const reader = response.body!.getReader()
    await reader.read()
    return reader
  }

  test('a server refuses what is more than its limit, and says when to come again', async () => {
    const server = serve({ limits: { texts: 2 } })
    const running = [await start(server.fetch), await start(server.fetch)]
    expect(server.inFlight).toBe(2)
    const response = await post(server.fetch, COMPLETIONS, short)
    expect(await expectError(response, 429)).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    await running[0]!.cancel()
    expect((await post(server.fetch, COMPLETIONS, short)).status).toBe(200)
    await running[1]!.cancel()
    await expectError(await post(server.fetch, COMPLETIONS, { ...short, n: 3 }), 400)
  })

  test('a client that goes away frees its slot within a step', async () => {
    const records: RequestRecord[] = []
    const server = serve({ observers: [{ onRequest: (record) => records.push(record) }] })
    const controller = new AbortController()
    const leaves = [
      async () => (await start(server.fetch)).cancel(),
      async () => {
        await start(server.fetch, { signal: controller.signal })
        controller.abort()
      },
    ]
    for (const [i, leave] of leaves.entries()) {
      await leave()
      const { decoded } = model.stats()
      await vi.waitFor(() => expect(model.stats().running).toBe(0))
      expect(model.stats().decoded - decoded).toBeLessThanOrEqual(1)
      expect(server.inFlight).toBe(0)
      expect(records[i]).toMatchObject({ status: 499, generation: { model: 'tiny', stream: true, promptTokens: 1 } })
    }
  })

  test('a client that goes away before its answer is whole stops the work too', async () => {
    const server = serve()
    const controller = new AbortController()
    const answer = post(server.fetch, COMPLETIONS, { ...endless, stream: false }, { signal: controller.signal })
    await vi.waitFor(() => expect(model.stats().running).toBe(1))
    controller.abort()
    expect((await answer).status).toBe(499)
    await vi.waitFor(() => expect(model.stats().running).toBe(0))
  })

  test('a request that takes too long is ended', async () => {
    const hasty = serve({ limits: { timeoutMs: 1 } })
    const whole = await post(hasty.fetch, COMPLETIONS, { ...endless, stream: false })
    expect((await expectError(whole, 504)).code).toBe('timeout')

    const server = serve({ limits: { timeoutMs: 2000 } })
    const streamed = await post(server.fetch, COMPLETIONS, endless)
    await vi.waitFor(() => expect(server.inFlight).toBe(0), 10_000)
    expect(await streamed.text()).toMatch(/data: \{"error":\{"message":"The request took longer than 2 s.*\}\}\n\n$/)
    await vi.waitFor(() => expect(model.stats().running).toBe(0))
  })

  test('limits may be as long as one likes, and none is nothing', async () => {
    // 32 bits of milliseconds are what a timer of the platform holds.
    for (const timeoutMs of [2 ** 31, 1e12, Infinity]) {
      const server = serve({ limits: { timeoutMs } })
      expect((await post(server.fetch, COMPLETIONS, short)).status).toBe(200)
      const answer = post(server.fetch, COMPLETIONS, { ...endless, max_tokens: 30 })
      await vi.waitFor(() => expect(server.inFlight).toBe(1))
      const drained = server.drain({ timeoutMs })
      expect(await (await answer).text()).toContain('[DONE]')
      expect(await drained).toBe(0)
    }
    for (const limits of [{ timeoutMs: 0 }, { bodyBytes: -1 }, { texts: 0 }, { textsPerRequest: Number.NaN }]) {
      const [name] = Object.keys(limits)
      expect(() => serve({ limits })).toThrow(`server: the limit ${name} is `)
    }
  })

  test('a reader that stops reading stops its own work only', async () => {
    const server = serve()
    const slow = await start(server.fetch)
    // A few pieces are made ahead, and no more.
    await vi.waitFor(() => expect(model.stats().running).toBe(0))
    expect(server.inFlight).toBe(1)
    expect((await post(server.fetch, COMPLETIONS, short)).status).toBe(200)
    const { value } = await slow.read()
    expect(new TextDecoder().decode(value)).toMatch(/^data: \{/)
    await slow.cancel()
    expect(server.inFlight).toBe(0)
  })

  test('a server that shuts down ends what runs, refuses what comes, and says so', async () => {
    const server = serve()
    const answer = post(server.fetch, COMPLETIONS, { ...endless, max_tokens: 60 })
    await vi.waitFor(() => expect(server.inFlight).toBe(1))
    const drained = server.drain()
    const health = await get(server.fetch, '/health')
    expect([health.status, await health.json()]).toEqual([503, { status: 'draining' }])
    const refused = await post(server.fetch, COMPLETIONS, short)
    expect((await expectError(refused, 503)).code).toBe('draining')
    expect(refused.headers.get('connection')).toBe('close')
    expect(await (await answer).text()).toMatch(/"finish_reason":"length".*\n\ndata: \[DONE\]\n\n$/)
    expect(await drained).toBe(0)
  })

  test('a server that shuts down waits no longer than it is told', async () => {
    const server = serve()
    const running = await post(server.fetch, COMPLETIONS, endless)
    const text = running.text()
    expect(await server.drain({ timeoutMs: 50 })).toBe(1)
    expect(await text).toContain('"The server is shutting down')
    expect(server.inFlight).toBe(0)
  })
})

describe('observers', () => {
  test('are told of each request and of the time between tokens', async () => {
    const records: RequestRecord[] = []
    const seconds = { first: [] as number[], next: [] as number[] }
    const { fetch } = serve({
      observers: [
        {
          onRequest: (record) => records.push(record),
          onFirstToken: (_, each) => seconds.first.push(each),
          onNextToken: (_, each) => seconds.next.push(each),
        },
      ],
    })
    const body = { ...short, n: 2, max_tokens: 4, logit_bias: { 258: -100 } }
    await (await post(fetch, COMPLETIONS, { ...body, stream: true })).text()
    await post(fetch, COMPLETIONS, { ...body, model: 'none' })
    await post(fetch, '/v1/nothing', body)
    expect(records).toEqual([
      {
        id: expect.any(String) as unknown,
        method: 'POST',
        route: COMPLETIONS,
        status: 200,
        seconds: expect.any(Number) as unknown,
        generation: {
          model: 'tiny',
          overlay: undefined,
          stream: true,
          promptTokens: 1,
          cachedTokens: expect.any(Number) as unknown,
          completionTokens: 8,
        },
      },
      expect.objectContaining({ route: COMPLETIONS, status: 404 }) as unknown,
      expect.objectContaining({ route: 'none', status: 404 }) as unknown,
    ])
    expect(seconds.first.length).toBe(2)
    expect(seconds.next.length).toBe(6)
    expect(Math.min(...seconds.first, ...seconds.next)).toBeGreaterThanOrEqual(0)
  })
})
