import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { redisRows } from './index.ts'
import { startProxy } from './testing/proxy.ts'
import { bytesOf, failure, filled, upTo, whole, type Rows } from './testing/rows.ts'
import { missing, program, startServer, untilTrue, type TestServer } from './testing/servers.ts'

const GEOMETRY = { rows: 64, rowBytes: 3000 }
const ALL = upTo(64)
const full = (byte: number): Uint8Array => filled(ALL, GEOMETRY.rowBytes, byte)
let tables = 0

describe.skipIf(program === undefined)(`a server that fails${program === undefined ? `: ${missing}` : ''}`, () => {
  describe('but keeps what it has acknowledged (appendonly, appendfsync always)', () => {
    let server: TestServer
    let rows: Rows
    let url: string
    beforeAll(async () => {
      server = await startServer()
    })
    afterAll(() => server.remove())
    beforeEach(async () => {
      url = `${server.url}?prefix=table${tables++}&timeout=8000`
      rows = whole(await redisRows({ url, create: GEOMETRY }))
    })
    afterEach(() => rows.dispose())

    test('may be killed and started again in the middle of reads and writes', async () => {
      const lock = await rows.lock()
      await rows.write(ALL, full(1))
      await rows.flush()
      const done = new AbortController()
      let last = 1
      const writing = (async () => {
        while (!done.signal.aborted) await rows.write(ALL, full(++last))
      })()
      const reading = (async () => {
        while (!done.signal.aborted) {
          const bytes = await bytesOf(rows)
          expect(Math.min(...bytes)).toBeGreaterThan(0)
          await pause(5)
        }
      })()
      for (let time = 0; time < 3; time++) {
        await pause(60 * time + 20)
        await server.kill()
        await pause(50)
        await server.start()
      }
      done.abort()
      await Promise.all([writing, reading])
      await rows.flush()
      expect(lock.lost.aborted).toBe(false)
      const again = await redisRows({ url })
      expect(new Set(await bytesOf(again))).toEqual(new Set([last]))
      await again.dispose()
    })

    test('has everything that was flushed, whenever it is killed', async () => {
      for (let byte = 1; byte <= 3; byte++) {
        await rows.write(ALL, full(byte))
        await rows.meta.put('root', Uint8Array.of(byte))
        await rows.flush()
        const unflushed = rows.write(ALL.subarray(0, 32), full(100).subarray(0, 32 * GEOMETRY.rowBytes))
        await server.kill()
        await server.start()
        await unflushed
        const bytes = await bytesOf(rows)
        expect(bytes).toEqual([...Array(32).fill(100), ...Array(32).fill(byte)])
        expect((await rows.meta.get('root'))!.bytes).toEqual(Uint8Array.of(byte))
      }
    })

    test('and stays away ends calls with one line after the time limit', async () => {
      const impatient = whole(await redisRows({ url, timeout: 400 }))
      await server.kill()
      const calls = [bytesOf(impatient), impatient.write(ALL, full(1)), impatient.meta.put('root', new Uint8Array(1))]
      for (const error of await Promise.all(calls.map(failure))) {
        expect(error).toMatchObject({
          code: 'io',
          message: expect.stringMatching(
            new RegExp(`^redis 127.0.0.1:${server.port}: .*400 ms, which 'timeout' can change`),
          ),
        })
      }
      await impatient.dispose()
      await server.start()
      expect(new Set(await bytesOf(rows))).toEqual(new Set([0]))
    })

    test('and stalls holds up nobody who aborts, and nobody for longer than the time limit', async () => {
      const impatient = whole(await redisRows({ url, timeout: 600 }))
      server.pause()
      try {
        const stop = new AbortController()
        const { signal } = stop
        const calls = [
          rows.read(ALL, full(0), { signal }),
          rows.write(ALL, full(1), { signal }),
          rows.meta.get('root', { signal }),
          rows.meta.put('root', new Uint8Array(1), { signal }),
          rows.resize(100, { signal }),
          rows.lock({ signal }),
          rows.flush({ signal }),
        ].map((call) => call.catch((error: unknown) => error))
        const late = impatient.write(ALL, full(2))
        await pause(30)
        const began = performance.now()
        stop.abort(new Error('enough'))
        for (const reason of await Promise.all(calls)) expect(reason).toBe(signal.reason)
        expect(performance.now() - began).toBeLessThan(200)
        expect(await failure(late)).toMatchObject({
          code: 'io',
          message: expect.stringContaining('given up after 600 ms'),
        })
      } finally {
        server.resume()
      }
      await rows.write(ALL, full(3))
      expect(new Set(await bytesOf(rows))).toEqual(new Set([3]))
      await impatient.dispose()
    })
  })

  test('and writes that arrive late, over a connection that was given up, change nothing', async () => {
    const server = await startServer()
    const proxy = await startProxy(server.port)
    const url = `redis://127.0.0.1:${proxy.port}?timeout=1500`
    const rows = whole(await redisRows({ url, create: GEOMETRY }))
    try {
      await rows.write(ALL, full(1))
      await rows.meta.put('root', Uint8Array.of(1))
      proxy.hold()
      // Sent into the void, and again over a new connection half a second later.
      await Promise.all([rows.write(ALL, full(2)), rows.meta.put('root', Uint8Array.of(2))])
      await Promise.all([rows.write(ALL, full(3)), rows.meta.put('root', Uint8Array.of(3))])
      proxy.release()
      await pause(50)
      expect(new Set(await bytesOf(rows))).toEqual(new Set([3]))
      expect((await rows.meta.get('root'))!.bytes).toEqual(Uint8Array.of(3))
    } finally {
      await rows.dispose()
      proxy.close()
      await server.remove()
    }
  })

  describe('and loses what it has acknowledged', () => {
    let server: TestServer
    let rows: Rows
    beforeEach(async () => {
      // It keeps what was saved by hand, and nothing since.
      server = await startServer([])
      rows = whole(await redisRows({ url: server.url, create: GEOMETRY, timeout: 3000 }))
      await rows.write(ALL, full(1))
      await rows.flush()
      await server.ask('SAVE')
    })
    afterEach(async () => {
      await rows.dispose()
      await server.remove()
    })
    const restart = async (): Promise<void> => {
      await server.kill()
      await server.start()
    }
    const lossy = { code: 'io', message: expect.stringContaining('go on from the last snapshot') as unknown }

    test('is found out by the next read, write and flush, and ends the lock', async () => {
      for (const next of ['read', 'write', 'flush'] as const) {
        const one = whole(await redisRows({ url: server.url, timeout: 3000 }))
        const lock = await one.lock()
        await one.write(ALL, full(2))
        await restart()
        const calls = { read: () => bytesOf(one), write: () => one.write(ALL, full(3)), flush: () => one.flush() }
        expect(await failure(calls[next]())).toMatchObject(lossy)
        expect(lock.lost.reason).toMatchObject(lossy)
        for (const call of Object.values(calls)) expect(await failure(call())).toMatchObject(lossy)
        await one.dispose()
        const again = await redisRows({ url: server.url })
        expect(new Set(await bytesOf(again))).toEqual(new Set([1]))
        await again.dispose()
      }
    })

    test('is found out by readers too', async () => {
      const reader = await redisRows({ url: server.url, readOnly: true, timeout: 3000 })
      await rows.write(ALL, full(2))
      expect(new Set(await bytesOf(reader))).toEqual(new Set([2]))
      await restart()
      expect(await failure(bytesOf(reader))).toMatchObject(lossy)
      await reader.dispose()
    })

    test('has no rows at all if it comes back empty', async () => {
      await server.ask('FLUSHALL')
      expect(await failure(bytesOf(rows))).toMatchObject(lossy)
      expect(await failure(redisRows({ url: server.url }))).toMatchObject({ code: 'not-found' })
    })

    test('says so instead of going on when its memory is full', async () => {
      await server.ask('CONFIG', 'SET', 'maxmemory', '1mb')
      const error = await failure(rows.write(ALL, full(2)))
      expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('its memory is full (maxmemory)') })
      await server.ask('CONFIG', 'SET', 'maxmemory', '0')
      await rows.write(ALL, full(2))
      expect(new Set(await bytesOf(rows))).toEqual(new Set([2]))
    })
  })

  test('may sync once a second: then a flush waits for it where the server can tell (7.2 and later)', async () => {
    const server = await startServer(['--appendonly', 'yes', '--appendfsync', 'everysec'])
    try {
      const rows = whole(await redisRows({ url: server.url, create: GEOMETRY }))
      const [, version] = /redis_version:(\d+\.\d+)/.exec(String(await server.ask('INFO', 'server')))!
      const canWait = Number(version) >= 7.2
      expect(rows.durability).toBe(canWait ? 'power' : 'process')
      await rows.write(ALL, full(1))
      await rows.flush()
      const waits = async (): Promise<string> => String(await server.ask('INFO', 'commandstats'))
      if (canWait) expect(await waits()).toMatch(/cmdstat_waitaof:calls=1,.*failed_calls=0/)
      const hasty = whole(await redisRows({ url: server.url, durability: 'process' }))
      await hasty.write(ALL, full(2))
      await hasty.flush()
      if (canWait) expect(await waits()).toMatch(/cmdstat_waitaof:calls=1,/)
      await Promise.all([rows.dispose(), hasty.dispose()])
    } finally {
      await server.remove()
    }
  })

  test('may have replicas that a flush waits for', async () => {
    const server = await startServer([])
    const replica = await startServer(['--replicaof', '127.0.0.1', String(server.port)])
    try {
      await untilTrue(async () => String(await replica.ask('ROLE')).includes('connected'), 'the replica to follow')
      const rows = whole(await redisRows({ url: server.url, create: GEOMETRY, replicas: 1, timeout: 2500 }))
      await rows.write(ALL, full(1))
      await rows.flush()
      const there = await redisRows({ url: replica.url, readOnly: true })
      expect(new Set(await bytesOf(there))).toEqual(new Set([1]))
      await there.dispose()
      await replica.kill()
      await rows.write(ALL, full(2))
      const error = await failure(rows.flush())
      expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('only 0 of 1 replicas') })
      await replica.start()
      await untilTrue(async () => String(await replica.ask('ROLE')).includes('connected'), 'the replica to follow')
      await rows.flush()
      await rows.dispose()
    } finally {
      await Promise.all([server.remove(), replica.remove()])
    }
  })

  test('leaves no promise unhandled and no connection open', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): number => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const server = await startServer([])
    const rows = whole(await redisRows({ url: server.url, create: GEOMETRY, timeout: 300, lease: 300 }))
    const { lost } = await rows.lock()
    const writing = failure(
      rows
        .write(ALL, full(1))
        .then(() => rows.write(ALL, full(2)))
        .then(() => pause(200))
        .then(() => bytesOf(rows)),
    )
    await pause(20)
    await server.kill()
    await writing
    await once(lost, 'abort')
    await rows.dispose()
    await pause(50)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
    await server.remove()
  })
})
