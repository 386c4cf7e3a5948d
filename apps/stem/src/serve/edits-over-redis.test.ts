import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from '@stemkit/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { missing, program, startServer, type TestServer } from '../../../../packages/store-redis/src/testing/servers.ts'
import { storeCommand } from '../commands/store.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { loadServed, type LoadedModel } from './load-served.ts'

/** A server over the tables in Redis, as `stem serve` assembles it. */
interface Serving {
  readonly loaded: LoadedModel
  get(path: string): Promise<Response>
  post(path: string, body: object): Promise<Response>
  remove(path: string): Promise<Response>
}
interface Answer {
  readonly version: string
  readonly text: string
}

let folder: string
let redis: TestServer
let store: string
let count = 0
const open: LoadedModel[] = []

beforeAll(async () => {
  if (program === undefined) return
  folder = await mkdtemp(join(tmpdir(), 'stem-edits-redis-'))
  await writeTinyModel(join(folder, 'tiny'), { maxLength: 512 })
  redis = await startServer()
})
afterAll(async () => {
  if (program === undefined) return
  await redis.remove()
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  if (program === undefined) return
  await create(`${redis.url}?prefix=table${count++}&timeout=2000`)
})
afterEach(async () => {
  for (const loaded of open.splice(0)) await loaded.dispose()
})

async function create(url: string): Promise<void> {
  store = url
  expect(await runCommand(storeCommand(), ['create', url, '--from', join(folder, 'tiny')])).toMatchObject({ code: 0 })
}

async function serve(): Promise<Serving> {
  const { drivers, feedForwards: custom } = await openPlugins()
  const loaded = await loadServed(join(folder, 'tiny'), {
    store,
    drivers,
    custom,
    signal: new AbortController().signal,
    // Memory for some of the 96 rows, so that the others are read again and again.
    budget: 16 * 2 ** 10,
    threads: 1,
    onProgress: () => {},
    onWithoutEdits: (line) => expect.unreachable(line),
  })
  open.push(loaded)
  const { fetch } = createServer({ models: { tiny: loaded }, adminKeys: ['admin-key'] })
  const send = (method: string, path: string, body?: object) =>
    fetch(
      new Request(`http://stem.test${path}`, {
        method,
        headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      }),
    )
  return {
    loaded,
    get: (path) => send('GET', path),
    post: (path, body) => send('POST', path, body),
    remove: (path) => send('DELETE', path),
  }
}

const versionOf = (tables: string): string => tables.split('/')[1]!
const editOf = (name: string, source: string, target: string) => ({ name, source, target, spaces: 'without' })
const endless = { model: 'tiny', prompt: 'ab', temperature: 0, logit_bias: { 95: -100 } }

async function answer(server: Serving, maxTokens = 8): Promise<Answer> {
  const response = await server.post('/v1/completions', { ...endless, max_tokens: maxTokens })
  expect(response.status).toBe(200)
  const { tables, choices } = (await response.json()) as { tables: string; choices: { text: string }[] }
  return { version: versionOf(tables), text: choices[0]!.text }
}
/** The version that it made, as `version` and in `tables`. */
async function changed(sending: Promise<Response>): Promise<[number, string]> {
  const response = await sending
  expect(response.status).toBe(200)
  const { version, tables } = (await response.json()) as { version: number; tables: string }
  return [version, versionOf(tables)]
}
const apply = (server: Serving, edit: object) => server.post('/admin/edits', { model: 'tiny', edit })
const undo = (server: Serving, name: string) => server.remove(`/admin/edits/${name}?model=tiny`)
async function list(server: Serving): Promise<[string, ...string[]]> {
  const response = await server.get('/admin/edits?model=tiny')
  const { tables, data } = (await response.json()) as { tables: string; data: { name: string }[] }
  return [versionOf(tables), ...data.map(({ name }) => name)]
}
async function refusal(sending: Promise<Response>): Promise<{ status: number; code: string; message: string }> {
  const response = await sending
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect(error.message).not.toContain('\n')
  return { status: response.status, ...error }
}

const title = `edits at a server with its tables in Redis${program === undefined ? `: ${missing}` : ''}`
describe.skipIf(program === undefined)(title, () => {
  test('are previewed, applied, listed, named in answers, and undone', async () => {
    const server = await serve()
    const before = await answer(server)
    expect(before.version).toBe('1')
    const edit = editOf('b-as-z', 'b', 'Z')
    const preview = await server.post('/admin/edits/preview', { model: 'tiny', edit, prompts: ['ab'], max_tokens: 8 })
    const { tables, data } = (await preview.json()) as { tables: string; data: { after: { text: string } }[] }
    expect(versionOf(tables)).toBe('1')
    expect(await list(server)).toEqual(['1'])

    expect(await changed(apply(server, edit))).toEqual([2, '2+edits'])
    expect(await list(server)).toEqual(['2+edits', 'b-as-z'])
    const after = await answer(server)
    expect(after).toEqual({ version: '2+edits', text: data[0]!.after.text })
    expect(after.text).not.toBe(before.text)

    expect(await changed(undo(server, 'b-as-z'))).toEqual([3, '3'])
    expect(await answer(server)).toEqual({ ...before, version: '3' })
  })

  test('made at one server are read at the other a moment later, and listed and undone there', async () => {
    const [here, there] = [await serve(), await serve()]
    const before = await answer(here)
    await changed(apply(here, editOf('b-as-z', 'b', 'Z')))
    const after = await answer(here)
    // Nobody asks it anything.
    await vi.waitFor(() => expect(versionOf(there.loaded.edits!.tables)).toBe('2+edits'), { timeout: 20_000 })
    expect(await answer(there)).toEqual(after)

    await changed(apply(here, editOf('c-as-y', 'c', 'Y')))
    expect(await list(there)).toEqual(['3+edits', 'b-as-z', 'c-as-y'])
    expect(await refusal(apply(there, editOf('c-as-y', 'd', 'Y')))).toMatchObject({
      status: 409,
      code: 'edit_conflict',
    })
    for (const name of ['b-as-z', 'c-as-y']) await changed(undo(there, name))
    expect(await refusal(undo(here, 'b-as-z'))).toMatchObject({ status: 404, code: 'edit_not_found' })
    expect(await list(here)).toEqual(['5'])
    expect((await answer(here)).text).toBe(before.text)
  })

  test('made at both at once come one after the other, or are refused', async () => {
    const servers = [await serve(), await serve()]
    const made: string[] = []
    for (const [round, source] of [...'bcd'].entries()) {
      const names = servers.map((_, i) => `edit-${round}-${i}`)
      const outcomes = await Promise.all(servers.map((server, i) => apply(server, editOf(names[i]!, source, 'XY'[i]!))))
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.status === 200) made.push(names[i]!)
        else expect(await refusal(Promise.resolve(outcome))).toMatchObject({ status: 409, code: 'edit_conflict' })
      }
    }
    expect(made.length).toBeGreaterThanOrEqual(3)
    const [[version, ...names], other] = [await list(servers[0]!), await list(servers[1]!)]
    expect(names.toSorted()).toEqual(made.toSorted())
    expect(other).toEqual([version, ...names])
    expect(await answer(servers[0]!)).toEqual(await answer(servers[1]!))
  })

  test('do not touch a request that was begun before, whichever server they are made at', async () => {
    const [here, there] = [await serve(), await serve()]
    await changed(apply(here, editOf('b-as-z', 'b', 'Z')))
    await list(there)
    const whole = await answer(there, 300)
    const stream = await there.post('/v1/completions', { ...endless, max_tokens: 300, stream: true })
    // Its rows are let go by everybody else, and their places written again.
    await changed(undo(here, 'b-as-z'))
    for (const [i, target] of [...'TUVW'].entries()) {
      await changed(apply(there, editOf(`more-${i}`, 'bcde'[i]!, target)))
      await changed(apply(here, editOf(`other-${i}`, 'fghi'[i]!, target)))
    }
    const events = (await stream.text()).split('\n\n').filter((line) => line.startsWith('data: {'))
    const pieces = events.map((line) => JSON.parse(line.slice(6)) as { tables: string; choices: { text: string }[] })
    expect(new Set(pieces.map(({ tables }) => versionOf(tables)))).toEqual(new Set([whole.version]))
    expect(pieces.map(({ choices }) => choices[0]!.text).join('')).toBe(whole.text)
    await list(there)
    const now = await answer(there)
    expect(now).toEqual(await answer(here))
    expect(whole.text.startsWith(now.text)).toBe(false)
  })

  test('wait for a Redis that comes back in time, and are refused while it is away', async () => {
    const server = await serve()
    const before = await answer(server)
    await redis.kill()
    for (const refused of [apply(server, editOf('b-as-z', 'b', 'Z')), server.get('/admin/edits?model=tiny')]) {
      const { status, code, message } = await refusal(refused)
      expect({ status, code }).toEqual({ status: 503, code: 'store_unavailable' })
      expect(message).toMatch(/redis 127\.0\.0\.1/)
    }
    // Requests go on with what is in memory.
    expect(await server.get('/v1/models')).toMatchObject({ status: 200 })
    await redis.start()
    expect(await list(server)).toEqual(['1'])
    expect(await answer(server)).toEqual(before)

    await changed(apply(server, editOf('b-as-z', 'b', 'Z')))
    await redis.kill()
    const waiting = list(server)
    await redis.start()
    expect(await waiting).toEqual(['2+edits', 'b-as-z'])
  })
  test('are refused by servers that had read what Redis then lost', async () => {
    const forgetful = await startServer([])
    try {
      await create(`${forgetful.url}?prefix=lost&timeout=2000`)
      const server = await serve()
      await forgetful.ask('SAVE')
      await changed(apply(server, editOf('b-as-z', 'b', 'Z')))
      await forgetful.kill()
      await forgetful.start()
      for (const refused of [apply(server, editOf('c-as-y', 'c', 'Y')), server.get('/admin/edits?model=tiny')]) {
        expect(await refusal(refused)).toMatchObject({
          status: 503,
          message: expect.stringContaining('lost') as string,
        })
      }
      expect(await list(await serve())).toEqual(['1'])
      for (const loaded of open.splice(0)) await loaded.dispose()
    } finally {
      await forgetful.remove()
    }
  })
})
