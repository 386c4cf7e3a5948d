import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openConnection } from './connection.ts'
import { redisRows } from './index.ts'
import { bytesOf, failure, filled, upTo } from './testing/rows.ts'
import { missing, program, startServer } from './testing/servers.ts'

const PLAIN = { tls: false, username: undefined, password: undefined, database: 0, silence: 200 }

describe('a connection', () => {
  const closing: (() => void)[] = []
  afterEach(() => closing.splice(0).forEach((close) => close()))

  /** To a server that does with what it hears as it is told. */
  async function connectTo(answer: (socket: Socket, heard: Buffer) => void) {
    const server = createServer((socket) => {
      socket.on('data', (heard: Buffer) => answer(socket, heard)).on('error', () => undefined)
      closing.push(() => socket.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    const connection = await openConnection({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, PLAIN)
    closing.push(() => connection.end())
    return connection
  }

  test('gives replies to those who asked, in order', async () => {
    const connection = await connectTo((socket, heard) =>
      socket.write(String(heard).replaceAll(/\*1\r\n(\$\d+\r\n\w+\r\n)/g, '$1')),
    )
    const asked = ['one', 'two', 'three'].map((word) => connection.send([[word], ['and']]))
    expect((await Promise.all(asked)).map(String)).toEqual(['one,and', 'two,and', 'three,and'])
  })

  test('fails for all who wait if the server says nothing for too long', async () => {
    const connection = await connectTo(() => undefined)
    const asked = [connection.send([['one']]), connection.send([['two']])]
    for (const reply of asked) await expect(reply).rejects.toThrow('no answer for 200 ms')
    expect(connection.failed()).toBe(true)
    await expect(connection.send([['three']])).rejects.toThrow('no answer')
  })

  test('bears silence as long as nobody waits, and slowness as long as something comes', async () => {
    const connection = await connectTo((socket) => {
      ;['$4\r', '\nab', 'cd', '\r\n'].forEach((part, i) => setTimeout(() => socket.write(part), 120 * i))
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(connection.failed()).toBe(false)
    expect(String(await connection.send([['one']]))).toBe('abcd')
  })

  test('fails if the server hangs up, or says what it was not asked', async () => {
    const dropped = await connectTo((socket) => socket.destroy())
    await expect(dropped.send([['one']])).rejects.toThrow(/closed|ECONNRESET/)
    const talkative = await connectTo((socket) => socket.write('+OK\r\n+OK\r\n'))
    await talkative.send([['one']])
    await expect(talkative.send([['two']])).rejects.toThrow('without having been asked')
  })
})

const openssl = spawnSync('openssl', ['version']).status === 0
const without = [program === undefined ? missing : '', openssl ? '' : 'no openssl on this machine']
  .filter(Boolean)
  .join(', ')

describe.skipIf(without !== '')(`a connection over TLS${without && `: ${without}`}`, () => {
  test('is made to a server with a certificate that is trusted, and to no other', async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'stemkit-tls-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const made = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', certificate]) // prettier-ignore
    expect(made.status, String(made.stderr)).toBe(0)
    const port = 20_000 + Math.floor(Math.random() * 20_000)
    const secure = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key]
    const server = await startServer([...secure, '--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no']).catch(
      (error: Error) =>
        /Bad directive|TLS support/.test(error.message)
          ? skip(`${program} was built without TLS`)
          : Promise.reject(error),
    )
    try {
      const create = { rows: 30, rowBytes: 50_000 }
      for (const host of ['localhost', '127.0.0.1']) {
        const url = `rediss://${host}:${port}?prefix=${host}`
        const rows = await redisRows({ url, create, tls: { ca: readFileSync(certificate) } })
        await rows.write!(upTo(30), filled(upTo(30), 50_000, 5))
        expect(new Set(await bytesOf(rows))).toEqual(new Set([5]))
        await rows.dispose()
      }
      const stranger = await failure(redisRows({ url: `rediss://localhost:${port}`, create }))
      expect(stranger).toMatchObject({ code: 'io', message: expect.stringContaining('certificate') })
      const wrong = await failure(redisRows({ url: `rediss://127.0.0.1:${server.port}?timeout=900`, create }))
      expect(wrong.code).toBe('io')
    } finally {
      await server.remove()
      await rm(folder, { recursive: true })
    }
  })
})
