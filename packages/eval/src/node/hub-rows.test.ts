import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hubRows } from './hub-rows.ts'

const parquet = (values: readonly number[]): Buffer =>
  Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'a', data: [...values], type: 'INT32' }] }))
const FILES: Readonly<Record<string, Buffer>> = {
  'main/test/0000.parquet': parquet([1, 2]),
  'main/test/0001.parquet': parquet([3]),
  'main/train/0000.parquet': parquet([4]),
}

/** What the hub answers for one data set, org/set, whose rows are in the branch for Parquet. */
async function startHub() {
  const requests: string[] = []
  const state = { failures: 0 }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!.split('?', 1)[0]!)
    requests.push(path)
    const send = (status: number, body: string | Buffer, headers: Record<string, string> = {}): void => {
      response.writeHead(status, headers)
      response.end(request.method === 'HEAD' ? undefined : body)
    }
    if (state.failures > 0) {
      state.failures--
      return send(503, 'not now')
    }
    const json = { 'content-type': 'application/json' }
    if (path.startsWith('/api/datasets/org/set/tree/refs/convert/parquet')) {
      const list = Object.entries(FILES).map(([file, { length }]) => ({
        type: 'file',
        path: file,
        size: length,
        oid: 'x',
      }))
      return send(200, JSON.stringify(list), json)
    }
    const [, file] = /^\/datasets\/org\/set\/resolve\/refs\/convert\/parquet\/(.*)$/u.exec(path) ?? []
    const bytes = file === undefined ? undefined : FILES[file]
    if (!bytes) return send(404, JSON.stringify({ error: 'Repository not found' }), json)
    const [, from, to] = /bytes=(\d+)-(\d+)?/u.exec(request.headers.range ?? '') ?? []
    const start = Number(from ?? 0)
    const end = Math.min(bytes.length, to === undefined ? bytes.length : Number(to) + 1)
    const headers = {
      etag: `"${file}"`,
      'content-length': String(end - start),
      ...(from !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }),
    }
    send(from === undefined ? 200 : 206, bytes.subarray(start, end), headers)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    state,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

let cache: string
let hub: Awaited<ReturnType<typeof startHub>>
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'stemkit-hub-'))
  hub = await startHub()
})
afterEach(async () => {
  await hub.stop()
  await rm(cache, { recursive: true })
})

describe('rows of the hub', () => {
  test('are loaded once, in order, and are there without a network afterwards', async () => {
    const loaded: string[] = []
    const options = { cache, hubUrl: hub.url, retries: 1, onLoad: ({ path }: { path: string }) => loaded.push(path) }
    const split = { path: 'org/set', name: 'main', split: 'test' }
    expect(await hubRows(options)(split)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
    expect(loaded).toEqual(['main/test/0000.parquet', 'main/test/0001.parquet'])
    expect(await readdir(join(cache, 'org/set/main'))).toEqual([
      'test-00000-of-00002.parquet',
      'test-00001-of-00002.parquet',
    ])
    const before = hub.requests.length
    await hub.stop()
    expect(await hubRows(options)(split)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
    expect(hub.requests.length).toBe(before)
  })

  test('of a data set without a name are those of its only folder; a split that it lacks is lacking', async () => {
    const rows = hubRows({ cache, hubUrl: hub.url })
    expect(await rows({ path: 'org/set', split: 'train' })).toEqual([{ a: 4 }])
    expect(await rows({ path: 'org/set', split: 'validation' })).toBeUndefined()
  })

  test('are asked for again where the hub fails, and said to be missing where it has none', async () => {
    hub.state.failures = 2
    const rows = hubRows({ cache, hubUrl: hub.url, retries: 3 })
    expect(await rows({ path: 'org/set', split: 'train' })).toEqual([{ a: 4 }])
    await expect(rows({ path: 'org/none', split: 'test' })).rejects.toThrow('the hub has no data set org/none')
    await hub.stop()
    const offline = hubRows({ cache, hubUrl: hub.url, retries: 0 })
    await expect(offline({ path: 'org/new', split: 'test' })).rejects.toThrow(
      'the hub cannot be reached (ECONNREFUSED)',
    )
  })
})
