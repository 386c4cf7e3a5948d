import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyEdit, planEdit } from '@stemkit/edit'
import { unlessAborted } from '@stemkit/spec/waiting'
import { openRowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createServer, type StemServer } from '../create-server.ts'
import type { CompletionResponse } from '../schemas/completions.ts'
import { eventsOf, expectError, get, post } from '../testing/call.ts'
import { editedModel, type EditedModel } from '../testing/stored-tables.ts'

const ADMIN = { authorization: 'Bearer admin-key' }
let folder: string
let served: EditedModel
let server: StemServer
const open = async (): Promise<void> => {
  served = await editedModel(folder)
  server = createServer({ models: { tiny: served }, adminKeys: ['admin-key'] })
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-admin-'))
  await open()
})
afterEach(async () => {
  await served.dispose()
  await rm(folder, { recursive: true })
})

/** The tokens of the tiny model are bytes: 'abc' are three of them. */
const id = (character: string): number => served.source.tokenizer!.encode(character)[0]!
const edit = { name: 'a-as-z', source: 'a', target: 'z', spaces: 'without' }
interface Changed {
  readonly version: number
  readonly tables: string
}
const apply = async (more: object = {}, body: object = {}): Promise<Response> =>
  post(server.fetch, '/admin/edits', { model: 'tiny', edit: { ...edit, ...more }, ...body }, { headers: ADMIN })
const applied = async (...args: Parameters<typeof apply>): Promise<Changed> => {
  const response = await apply(...args)
  expect(response.status).toBe(200)
  return (await response.json()) as Changed
}
const undo = (name: string, query = ''): Promise<Response> =>
  get(server.fetch, `/admin/edits/${name}?model=tiny${query}`, { method: 'DELETE', headers: ADMIN })
const list = async (query = ''): Promise<{ tables: string; data: { name: string }[] }> =>
  (await (await get(server.fetch, `/admin/edits?model=tiny${query}`, { headers: ADMIN })).json()) as never
const greedy = { model: 'tiny', temperature: 0, max_tokens: 6, logit_bias: { 258: -100 } }
const ask = (prompt: string, more: object = {}): Promise<Response> =>
  post(server.fetch, '/v1/completions', { ...greedy, prompt, ...more })
const answer = async (prompt: string, more: object = {}) => {
  const { tables, choices, usage } = (await (await ask(prompt, more)).json()) as CompletionResponse
  return { tables, text: choices[0]!.text, cached: usage!.prompt_tokens_details.cached_tokens }
}

describe('edits at the server', () => {
  test('are read by requests that come later, listed, and undone', async () => {
    const before = await answer('banana')
    expect(before.tables).toMatch(/^[\w-]+\/1$/)
    const table = before.tables!.split('/')[0]
    const change = await applied()
    expect(change).toMatchObject({
      object: 'edit.applied',
      model: 'tiny',
      version: 2,
      tables: `${table}/2+edits`,
      edit: { name: 'a-as-z', user: null, overlay: 'edit/a-as-z', operations: ['overwrite'], rows: [id('a')] },
    })
    const after = await answer('banana')
    expect(after.tables).toBe(`${table}/2+edits`)
    expect(after.text).not.toBe(before.text)
    expect(await list()).toMatchObject({ tables: after.tables, data: [{ name: 'a-as-z', current: true }] })
    const models = (await (await get(server.fetch, '/v1/models')).json()) as { data: object[] }
    expect(models.data).toMatchObject([{ tables: after.tables }])

    const undone = await undo('a-as-z')
    expect(await undone.json()).toMatchObject({ object: 'edit.undone', version: 3, tables: `${table}/3` })
    expect(undone.headers.get('stemkit-tables')).toBe(`${table}/3`)
    expect(await answer('banana')).toMatchObject({ text: before.text, tables: `${table}/3` })
    expect((await list()).data).toEqual([])
  })

  test('do not touch a request that was there before', async () => {
    const before = await answer('banana', { max_tokens: 60 })
    const stream = await ask('banana', { max_tokens: 60, stream: true })
    await applied()
    await undo('a-as-z')
    await applied({ name: 'again', target: 'q' })
    const events = await eventsOf<CompletionResponse>(stream)
    expect(new Set(events.map(({ tables }) => tables))).toEqual(new Set([before.tables]))
    expect(events.map(({ choices }) => choices[0]!.text).join('')).toBe(before.text)
    expect((await answer('banana', { max_tokens: 60 })).text).not.toBe(before.text)
  })

  test('are there when the server starts again', async () => {
    await applied()
    const after = await answer('banana')
    await served.dispose()
    await open()
    expect(await answer('banana')).toMatchObject({ text: after.text, tables: after.tables })
    expect((await list()).data).toMatchObject([{ name: 'a-as-z' }])
  })

  test('drop only the prefixes that contain an edited token', async () => {
    const prompts = ['the cat sat', 'moon light'] as const
    for (const prompt of prompts) await answer(prompt)
    await applied()
    const [affected, other] = [await answer(prompts[0]), await answer(prompts[1])]
    expect(affected.cached).toBe(served.source.tokenizer!.encode('the c').length)
    expect(other.cached).toBe(served.source.tokenizer!.encode(prompts[1]).length - 1)
    await undo('a-as-z')
    expect((await answer(prompts[1])).cached).toBe(other.cached)
    const reused = await answer(prompts[1])
    served.model.forget()
    expect(await answer(prompts[1])).toEqual({ ...reused, cached: 0 })
  })

  test('of a user lie over those of all, and are read by who names them', async () => {
    await applied()
    const all = await answer('banana')
    await applied({ name: 'mine', target: 'q' }, { user: 'ann' })
    await applied({ name: 'more', target: 'x' }, { user: 'ann' })
    expect((await answer('banana')).text).toBe(all.text)
    const one = await answer('banana', { overlay: 'edit/ann/mine' })
    const both = await answer('banana', { overlay: 'edit/ann/' })
    expect(both.tables).toBe(`${(await answer('banana')).tables}+edit/ann/`)
    expect(new Set([all.text, one.text, both.text]).size).toBe(3)
    expect((await answer('banana', { overlay: 'edit/bob/' })).text).toBe(all.text)
    expect((await list('&user=ann')).data.map(({ name }) => name)).toEqual(['mine', 'more'])
    await undo('more', '&user=ann')
    expect((await answer('banana', { overlay: 'edit/ann/' })).text).toBe(one.text)
  })

  test('are previewed as they would be', async () => {
    const before = await answer('banana')
    const request = { model: 'tiny', edit, prompts: ['banana'], max_tokens: 6, top: 3 }
    const send = (more: object = {}) =>
      post(server.fetch, '/admin/edits/preview', { ...request, ...more }, { headers: ADMIN })
    const { data } = (await (await send()).json()) as {
      data: { before: { text: string }; after: { text: string }; next: object[] }[]
    }
    expect(data[0]!.before.text.startsWith(before.text)).toBe(true)
    expect(data[0]!.next.length).toBeGreaterThanOrEqual(3)
    expect((await list()).data).toEqual([])
    const occurrences = (await (
      await send({ kind: 'occurrences', prompts: ['ban', 'at'] })
    ).json()) as typeof Object & {
      data: object[]
    }
    expect(occurrences.data).toHaveLength(2)
    await applied()
    expect(data[0]!.after.text.startsWith((await answer('banana')).text)).toBe(true)
    await expectError(await send({ prompts: [] }), 400)
    await expectError(await send({ kind: 'occurrences', prompts: ['xyz'] }), 400)
  })

  test('of other processes are seen', async () => {
    const before = await answer('banana')
    const table = await openRowTable({ driver: await fileRows(folder), mode: 'write' })
    const plan = planEdit({ name: 'elsewhere', source: [id('a')], target: [id('z')] }, { table })
    await applyEdit({ table }, plan)
    await table.addOverlay('apart', Uint32Array.of(id('n')), new Uint8Array(table.rowBytes))
    // A name that is not known is looked for.
    expect((await answer('banana', { overlay: 'apart' })).tables).toMatch(/\/3\+edits\+apart$/)
    expect((await answer('banana')).text).not.toBe(before.text)
    await applyEdit({ table }, planEdit({ name: 'more', source: [id('n')], target: [id('z')] }, { table }))
    expect((await list()).data).toHaveLength(2)
    const refused = await apply({ name: 'mine' })
    expect((await expectError(refused, 409)).message).toMatch(/^[^\n]*(open for writing|holds|lock)[^\n]*$/)
    await table.dispose()
    await applied({ name: 'mine' })
  })
})

describe('the administration', () => {
  test('is for its own keys, and only where there are some', async () => {
    const both = createServer({ models: { tiny: served }, apiKeys: ['api-key'], adminKeys: ['admin-key'] })
    const using = (path: string, key: string) => get(both.fetch, path, { headers: { authorization: `Bearer ${key}` } })
    expect((await using('/admin/edits?model=tiny', 'admin-key')).status).toBe(200)
    expect((await expectError(await using('/admin/edits?model=tiny', 'api-key'), 401)).code).toBe('invalid_api_key')
    await expectError(await using('/v1/models', 'admin-key'), 401)
    await expectError(await get(both.fetch, '/admin/edits?model=tiny'), 401)
    await expectError(await post(both.fetch, '/admin/edits', {}), 401)
    const without = createServer({ models: { tiny: served } })
    await expectError(await get(without.fetch, '/admin/edits?model=tiny', { headers: ADMIN }), 404)
    expect(() => createServer({ models: {}, apiKeys: ['one'], adminKeys: ['one'] })).toThrow('admin key as well')
  })

  test('is in the OpenAPI document', async () => {
    const { paths, components } = server.openApi() as {
      paths: Record<string, Record<string, { security: object[] }>>
      components: { securitySchemes: object }
    }
    expect(
      Object.keys(paths)
        .filter((path) => path.startsWith('/admin'))
        .toSorted(),
    ).toEqual(['/admin/edits', '/admin/edits/preview', '/admin/edits/{name}'])
    expect(paths['/admin/edits']!['post']!.security).toEqual([{ adminKey: [] }])
    expect(components.securitySchemes).toHaveProperty('adminKey')
  })

  test('refuses with the reason', async () => {
    await applied()
    expect((await expectError(await apply(), 409)).message).toContain("there is an edit 'a-as-z' already")
    await applied({ name: 'on-top', source: 'q', target: 'a' })
    expect((await expectError(await undo('a-as-z'), 409)).message).toContain("'on-top' was made from row")
    expect((await expectError(await undo('other'), 404)).code).toBe('edit_not_found')
    await expectError(await apply({ name: 'x', strategy: 'guess' }), 400)
    await expectError(await apply({ name: 'x', source: 'ab', target: 'xyz' }), 400)
    await expectError(await apply({ name: 'x', layer: 1 }), 400)
    await expectError(await apply({ name: 'x y' }), 400)
    const manyWrong = { model: 'tiny', edit, prompts: [Array.from({ length: 200_000 }, () => -1)] }
    await expectError(await post(server.fetch, '/admin/edits/preview', manyWrong, { headers: ADMIN }), 400)
    await expectError(await apply({ name: 'x' }, { model: 'none' }), 404)
    const inMemory = createServer({ models: { tiny: { model: served.model } }, adminKeys: ['admin-key'] })
    const refused = await get(inMemory.fetch, '/admin/edits?model=tiny', { headers: ADMIN })
    expect((await expectError(refused, 400)).code).toBe('not_editable')
    await server.drain()
    await expectError(await apply({ name: 'late' }), 503)
  })

  test('ends with its client, with the server, and when it takes too long', async () => {
    const never = <T>(_: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<T> =>
      unlessAborted(new Promise<T>(() => {}), signal)
    const hanging = { model: served.model, edits: { ...served.edits, look: never, change: never } }
    const among = (limits = {}) => createServer({ models: { tiny: hanging }, adminKeys: ['admin-key'], limits })
    const sendAll = ({ fetch }: StemServer, init: RequestInit = {}): Promise<Response>[] => [
      get(fetch, '/admin/edits?model=tiny', { headers: ADMIN, ...init }),
      get(fetch, '/admin/edits/x?model=tiny', { method: 'DELETE', headers: ADMIN, ...init }),
      post(fetch, '/admin/edits', { model: 'tiny', edit }, { headers: ADMIN, ...init }),
      post(fetch, '/admin/edits/preview', { model: 'tiny', edit, prompts: ['a'] }, { headers: ADMIN, ...init }),
    ]
    for (const late of sendAll(among({ timeoutMs: 5 }))) {
      expect((await expectError(await late, 504)).code).toBe('timeout')
    }
    const controller = new AbortController()
    const left = sendAll(among(), { signal: controller.signal })
    controller.abort()
    for (const answered of left) expect((await answered).status).toBe(499)
    const ending = among()
    const cut = sendAll(ending)
    expect(await ending.drain({ signal: AbortSignal.abort() })).toBeLessThanOrEqual(2)
    for (const answered of cut) expect((await expectError(await answered, 503)).code).toBe('draining')
    expect(ending.inFlight).toBe(0)
  })
})

describe('an API key', () => {
  test('may name the overlays that it is allowed, and no others', async () => {
    for (const user of ['ann', 'bob']) await applied({ name: 'mine' }, { user })
    const guarded = createServer({
      models: { tiny: served },
      apiKeys: ['none', { key: 'ann', overlays: ['edit/ann/'] }, { key: 'any', overlays: ['*'] }],
    })
    const status = async (key: string, overlay?: string, headers = {}): Promise<number> => {
      const response = await post(
        guarded.fetch,
        '/v1/completions',
        { ...greedy, prompt: 'a', overlay },
        { headers: { authorization: `Bearer ${key}`, ...headers } },
      )
      if (response.status === 403) {
        expect(await expectError(response, 403)).toMatchObject({ code: 'overlay_not_allowed', param: 'overlay' })
      }
      return response.status
    }
    expect(await status('none')).toBe(200)
    expect(await status('none', 'edit/ann/mine')).toBe(403)
    expect(await status('none', undefined, { 'stemkit-overlay': 'edit/ann/mine' })).toBe(403)
    expect(await status('ann', 'edit/ann/mine')).toBe(200)
    expect(await status('ann', 'edit/ann/')).toBe(200)
    // Whether it is there is not told.
    for (const name of ['edit/bob/mine', 'edit/bob/nothing', 'edit/']) expect(await status('ann', name)).toBe(403)
    expect(await status('any', 'edit/bob/mine')).toBe(200)
    expect(await status('any', 'nothing')).toBe(404)
  })
})
