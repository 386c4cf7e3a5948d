import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createModel, overlayRows, type Model } from '@stemkit/generate'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { NamedArray } from '@stemkit/model'
import { createRowStore, openRowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { StemkitError } from '@stemkit/spec/errors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, type StemServer } from './create-server.ts'
import type { CompletionResponse } from './schemas/completions.ts'
import { eventsOf, expectError, post } from './testing/call.ts'
import { storeTables } from './testing/stored-tables.ts'
import { tinyModel } from './testing/tiny-served.ts'

let folder: string
let model: Model
let server: StemServer
const asked: string[] = []
let name: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-server-'))
  // The tables of a model, and over them an overlay in which every row of 'the' is zero.
  const source = await tinyModel()
  const { config, weights, tokenizer } = source
  const made = await storeTables(folder, { config, weights: weights as Map<string, NamedArray> })
  const ids = Uint32Array.from(tokenizer!.encode('the'))
  await made.addOverlay('muted', ids, new Uint8Array(ids.length * made.rowBytes))
  await made.dispose()
  await source.dispose()

  const table = await openRowTable({ driver: await fileRows(folder), mode: 'read' })
  const rows = createRowStore({ table, budget: 2 ** 20 })
  const muted = await overlayRows(table, ['muted'], { base: rows })
  model = await createModel({ config, weights, tokenizer, rows, engine: compiledEngine(nodeRuntime()) })
  server = createServer({
    models: {
      tiny: {
        model,
        rows: async (overlay) => {
          asked.push(overlay)
          if (overlay === 'muted') return muted
          throw new StemkitError('not-found', `no overlay '${overlay}'`)
        },
      },
    },
  })
  name = `${table.id}/${table.version}`
})
afterAll(async () => {
  await model.dispose()
  await rm(folder, { recursive: true })
})

const body = { model: 'tiny', prompt: 'the', temperature: 0, max_tokens: 6, logit_bias: { 258: -100 } }
const send = (more: object = {}, headers: Record<string, string> = {}) =>
  post(server.fetch, '/v1/completions', { ...body, ...more }, { headers })

describe('an answer', () => {
  test('names the version of the tables that it was made with', async () => {
    const response = await send()
    expect(response.headers.get('stemkit-tables')).toBe(name)
    expect(await response.json()).toMatchObject({ tables: name, system_fingerprint: `stemkit-${name}` })
    const stream = await send({ stream: true })
    expect(stream.headers.get('stemkit-tables')).toBe(name)
    const events = await eventsOf<CompletionResponse>(stream)
    expect(events.every(({ tables }) => tables === name)).toBe(true)
  })

  test('is made with the overlay that the request names, in the body or as a header', async () => {
    const plain = (await (await send()).json()) as CompletionResponse
    const named = await send({ overlay: 'muted' })
    expect(named.headers.get('stemkit-tables')).toBe(`${name}+muted`)
    const muted = (await named.json()) as CompletionResponse
    expect(muted.tables).toBe(`${name}+muted`)
    expect(muted.choices[0]!.text).not.toBe(plain.choices[0]!.text)
    const byHeader = (await (await send({}, { 'stemkit-overlay': 'muted' })).json()) as CompletionResponse
    expect(byHeader.choices).toEqual(muted.choices)
    expect(((await (await send()).json()) as CompletionResponse).choices).toEqual(plain.choices)
  })

  test('scores with an overlay too', async () => {
    const score = async (overlay: string | undefined): Promise<unknown> => {
      const more = { prompt: 'the cat', max_tokens: 0, echo: true, logprobs: 0, overlay }
      const answer = (await (await send(more)).json()) as CompletionResponse
      expect(answer.tables).toBe(overlay ? `${name}+${overlay}` : name)
      return answer.choices[0]!.logprobs!.token_logprobs
    }
    expect(await score('muted')).not.toEqual(await score(undefined))
  })
})

describe('an overlay', () => {
  test('that is not there is refused', async () => {
    for (const response of [await send({ overlay: 'other' }), await send({ overlay: 'other', stream: true })]) {
      expect(await expectError(response, 404)).toMatchObject({ code: 'overlay_not_found', param: 'overlay' })
    }
    expect(asked).toContain('other')
    expect(server.inFlight).toBe(0)
  })

  test('with two names is refused', async () => {
    await expectError(await send({ overlay: 'muted' }, { 'stemkit-overlay': 'other' }), 400)
    expect((await send({ overlay: 'muted' }, { 'stemkit-overlay': 'muted' })).status).toBe(200)
  })

  test('with a name that is not ASCII comes percent-encoded', async () => {
    await expectError(await send({}, { 'stemkit-overlay': encodeURIComponent('m\u00fcde') }), 404)
    expect(asked.at(-1)).toBe('m\u00fcde')
  })
})
