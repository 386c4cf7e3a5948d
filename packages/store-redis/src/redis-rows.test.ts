import { rowDriverConformance } from '@stemkit/spec/testing'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRedisRows, redisRows } from './index.ts'
import { shardsOf } from './slots.ts'
import { bytesOf, failure, filled, upTo, whole } from './testing/rows.ts'
import { missing, program, startServer, untilTrue, type TestServer } from './testing/servers.ts'

const GEOMETRY = { rows: 40, rowBytes: 24 }
let server: TestServer
let tables = 0
const newUrl = (): string => `${server.url}?prefix=table${tables++}`

describe.skipIf(program === undefined)(`rows on one server${program === undefined ? `: ${missing}` : ''}`, () => {
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.remove())

  const urls = new WeakMap<object, string>()
  rowDriverConformance(test, {
    async open(create) {
      const url = newUrl()
      const driver = await redisRows({ url, create })
      urls.set(driver, url)
      return driver
    },
    async reopen(driver) {
      const url = urls.get(driver)!
      const again = await redisRows({ url })
      urls.set(again, url)
      return again
    },
  })

  describe('keys', () => {
    test('are one for each row that was written, next to the mark of its shard; short rows and long ones', async () => {
      for (const rowBytes of [24, 5000]) {
        const prefix = `keys${rowBytes}`
        const rows = whole(await redisRows({ url: server.url, prefix, shards: 4, create: { rows: 40, rowBytes } }))
        const ids = Uint32Array.of(1, 6, 39)
        await rows.write(ids, filled(ids, rowBytes, 7))
        await rows.meta.put('root', new Uint8Array(3))
        await rows.flush()
        const shards = shardsOf(prefix, 4)
        const keys = ((await server.ask('KEYS', `{${prefix}*`)) as string[]).filter((key) => !key.includes('caller:'))
        expect(keys.toSorted()).toEqual(
          [
            ...['flushed', 'generation', 'geometry', 'meta:root'].map((name) => `{${prefix}}${name}`),
            ...[1, 6, 39].map((id) => `${shards[id % 4]!.keys}${id}`),
            ...[1, 2, 3].map((shard) => `${shards[shard]!.keys}mark`),
          ].toSorted(),
        )
        await rows.dispose()
      }
    })

    test('of another kind are told apart from rows', async () => {
      const url = newUrl()
      const rows = whole(await redisRows({ url, shards: 1, create: GEOMETRY }))
      const [{ keys } = { keys: '' }] = shardsOf(new URL(url).searchParams.get('prefix')!, 1)
      await server.ask('SET', `${keys}3`, 'short')
      expect(await failure(bytesOf(rows))).toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(`${keys}3`),
      })
      await server.ask('DEL', `${keys}mark`)
      await server.ask('LPUSH', `${keys}mark`, 'list')
      const error = await failure(rows.write(Uint32Array.of(1), new Uint8Array(24)))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('take another prefix') })
      await rows.dispose()
    })
  })

  describe('opening', () => {
    test('goes over a Unix socket too, and by the plugin interface', async () => {
      const url = `redis+unix://${server.socket}?prefix=unix`
      const rows = await openRedisRows(url, { create: GEOMETRY })
      await rows.write!(upTo(40), filled(upTo(40), 24, 9))
      const other = await openRedisRows(url, { readOnly: true })
      expect(new Set(await bytesOf(other))).toEqual(new Set([9]))
      expect(other).not.toHaveProperty('write')
      await Promise.all([rows.dispose(), other.dispose()])
    })

    test('finds none where none were made, and makes none where there are some', async () => {
      const url = newUrl()
      expect(await failure(redisRows({ url }))).toMatchObject({ code: 'not-found' })
      await (await redisRows({ url, create: GEOMETRY })).dispose()
      expect(await failure(redisRows({ url, create: GEOMETRY }))).toMatchObject({ code: 'conflict' })
      expect(await failure(redisRows({ url, create: GEOMETRY, readOnly: true }))).toMatchObject({ code: 'bad-input' })
    })

    test('makes no rows over what is left of others', async () => {
      const url = newUrl()
      const rows = whole(await redisRows({ url, create: GEOMETRY }))
      await rows.write(upTo(40), filled(upTo(40), 24, 1))
      await rows.dispose()
      await server.ask('DEL', `{${new URL(url).searchParams.get('prefix')}}geometry`)
      const error = await failure(redisRows({ url, create: GEOMETRY }))
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('rows of this name already') })
    })

    test('says durability as the server has it, or as it is told', async () => {
      const url = newUrl()
      const rows = await redisRows({ url, create: GEOMETRY })
      expect(rows.durability).toBe('power')
      const told = await redisRows({ url, durability: 'process' })
      expect(told.durability).toBe('process')
      await Promise.all([rows.dispose(), told.dispose()])
    })

    test.each([
      [{ prefix: '{x}' }, 'prefix "{x}"'],
      [{ timeout: 0 }, 'timeout is 0'],
      [{ lease: 1.5 }, 'lease is 1.5'],
      [{ shards: 1000 }, 'shards is 1000'],
      [{ create: { rows: -1, rowBytes: 4 } }, '-1 rows'],
      [{ create: { rows: 1, rowBytes: 0 } }, 'rows of 0 bytes'],
    ])('refuses %o', async (wrong, message) => {
      const error = await failure(redisRows({ url: newUrl(), create: GEOMETRY, ...wrong }))
      expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining(message) })
    })

    test('says in one line that nobody listens, and is quick about it', async () => {
      const began = performance.now()
      const error = await failure(redisRows({ url: 'redis://me:hunter2@127.0.0.1:1' }))
      expect(error).toMatchObject({
        code: 'io',
        message: expect.stringMatching(/^redis 127\.0\.0\.1:1: .*ECONNREFUSED/),
      })
      expect(performance.now() - began).toBeLessThan(2000)
    })

    test('says in one line that the password is wrong or missing, without repeating it', async () => {
      const locked = await startServer(['--requirepass', 'right'])
      try {
        const wrong = await failure(redisRows({ url: `redis://:hunter2@127.0.0.1:${locked.port}`, create: GEOMETRY }))
        expect(wrong).toMatchObject({ code: 'bad-input', message: expect.stringContaining('password') })
        expect(wrong.message).not.toContain('hunter2')
        const none = await failure(redisRows({ url: locked.url, create: GEOMETRY }))
        expect(none).toMatchObject({ code: 'bad-input', message: expect.stringContaining('password') })
        const rows = await redisRows({ url: `redis://:right@127.0.0.1:${locked.port}`, create: GEOMETRY })
        expect(rows.durability).toBe('process')
        await rows.dispose()
      } finally {
        await locked.remove()
      }
    })

    test('says in one line that somebody else listens, or nobody answers', async () => {
      const web = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
      await once(web, 'listening')
      const url = `redis://127.0.0.1:${(web.address() as AddressInfo).port}?timeout=600`
      expect(await failure(redisRows({ url }))).toMatchObject({
        code: 'io',
        message: expect.stringContaining('redis 127.0.0.1:'),
      })
      web.close()

      server.pause()
      const silent = await failure(redisRows({ url: `${server.url}?timeout=600` }))
      server.resume()
      expect(silent).toMatchObject({ code: 'io', message: expect.stringContaining(`redis 127.0.0.1:${server.port}`) })
    })

    test('refuses a server that may throw rows away', async () => {
      const evicting = await startServer(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'])
      try {
        const error = await failure(redisRows({ url: evicting.url, create: GEOMETRY }))
        expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining('noeviction') })
      } finally {
        await evicting.remove()
      }
    })

    test('refuses to take a single server for a cluster', async () => {
      const error = await failure(redisRows({ url: `redis+cluster://127.0.0.1:${server.port}` }))
      expect(error).toMatchObject({ code: 'bad-input', message: expect.stringContaining('is no cluster') })
    })
  })

  describe('a lock', () => {
    const lockKey = (url: string): string => `{${new URL(url).searchParams.get('prefix')}}lock`

    test('is refused with the name of its holder, and keeps others from writing', async () => {
      const url = newUrl()
      const [one, other] = [whole(await redisRows({ url, create: GEOMETRY })), whole(await redisRows({ url }))]
      const lock = await one.lock()
      const error = await failure(other.lock())
      expect(error).toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(`process ${process.pid} on .* since 20`),
      })
      expect(await failure(other.write(upTo(40), filled(upTo(40), 24, 1)))).toMatchObject({ code: 'conflict' })
      await other.meta.put('reader', Uint8Array.of(1))
      await lock.release()
      await other.write(upTo(40), filled(upTo(40), 24, 1))
      await Promise.all([one.dispose(), other.dispose()])
    })

    test('that somebody else has taken since shuts its former holder out, though it knows nothing of it', async () => {
      const url = newUrl()
      const [one, other] = [whole(await redisRows({ url, create: GEOMETRY })), whole(await redisRows({ url }))]
      const lost = await one.lock()
      await one.write(upTo(40), filled(upTo(40), 24, 1))
      await server.ask('DEL', lockKey(url))
      const lock = await other.lock()
      await other.write(upTo(20), filled(upTo(20), 24, 2))
      expect(lost.lost.aborted).toBe(false)
      expect(await failure(one.write(upTo(40), filled(upTo(40), 24, 3)))).toMatchObject({ code: 'conflict' })
      expect(lost.lost.aborted).toBe(true)
      expect(await failure(one.meta.put('root', new Uint8Array(1)))).toMatchObject({ code: 'conflict' })
      expect(await bytesOf(other)).toEqual([...Array(20).fill(2), ...Array(20).fill(1)])
      await lost.release()
      expect(await failure(one.lock())).toMatchObject({ code: 'conflict' })
      await lock.release()
      await (await one.lock()).release()
      await Promise.all([one.dispose(), other.dispose()])
    })

    test('puts no meta once it is lost, though nothing was written since', async () => {
      const url = newUrl()
      const [one, other] = [whole(await redisRows({ url, create: GEOMETRY })), whole(await redisRows({ url }))]
      const lost = await one.lock()
      await server.ask('DEL', lockKey(url))
      await other.lock()
      expect(await failure(one.meta.put('root', new Uint8Array(1)))).toMatchObject({ code: 'conflict' })
      expect(lost.lost.reason).toMatchObject({ code: 'conflict' })
      await Promise.all([one.dispose(), other.dispose()])
    })

    test('is renewed in time, and taken again if it ran out and nobody else had it', async () => {
      const url = newUrl()
      const one = whole(await redisRows({ url, create: GEOMETRY, lease: 300 }))
      const lock = await one.lock()
      await server.ask('DEL', lockKey(url))
      await untilTrue(async () => (await server.ask('EXISTS', lockKey(url))) === 1, 'the lock to be back')
      expect(lock.lost.aborted).toBe(false)
      await one.write(upTo(40), filled(upTo(40), 24, 1))
      await one.dispose()
      expect(await server.ask('EXISTS', lockKey(url))).toBe(0)
    })

    test('tells its holder when somebody else has taken it', async () => {
      const url = newUrl()
      const [one, other] = [
        whole(await redisRows({ url, create: GEOMETRY, lease: 300 })),
        whole(await redisRows({ url })),
      ]
      const { lost } = await one.lock()
      await Promise.all([once(lost, 'abort'), server.ask('DEL', lockKey(url)).then(() => other.lock())])
      expect(lost.reason).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`process ${process.pid}`),
      })
      await Promise.all([one.dispose(), other.dispose()])
    })

    test('of a process that was killed on this machine is free at once', async () => {
      const url = newUrl()
      const rows = whole(await redisRows({ url, create: GEOMETRY, lease: 600_000 }))
      const script = fileURLToPath(new URL('./testing/hold-lock.ts', import.meta.url))
      const holder = spawn(process.execPath, [script, url], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(holder.stdout, 'data')
      const error = await failure(rows.lock())
      expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining(`process ${holder.pid} on`) })
      holder.kill('SIGKILL')
      await once(holder, 'exit')
      if (process.platform === 'linux') await (await rows.lock()).release()
      await rows.dispose()
    })
  })

  test('writers that take turns without a lock lose nothing', async () => {
    const url = newUrl()
    const [one, other] = [whole(await redisRows({ url, create: GEOMETRY })), whole(await redisRows({ url }))]
    for (let byte = 1; byte <= 10; byte++) {
      await (byte % 2 === 0 ? one : other).write(Uint32Array.of(byte), filled(Uint32Array.of(byte), 24, byte))
    }
    await Promise.all([one.flush(), other.flush()])
    expect((await bytesOf(one)).slice(0, 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])
    await Promise.all([one.dispose(), other.dispose()])
  })
})
