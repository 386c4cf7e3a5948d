import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { redisRows } from './index.ts'
import { bytesOf, failure, filled, upTo } from './testing/rows.ts'
import { missing, program, startServer } from './testing/servers.ts'

const openssl = spawnSync('openssl', ['version']).status === 0
const without = [program === undefined ? missing : '', openssl ? '' : 'no openssl on this machine']
  .filter(Boolean)
  .join(', ')

describe.skipIf(without !== '')(`rows over TLS${without && `: ${without}`}`, () => {
  test('come from a server with a certificate that is trusted, and from no other', async ({ skip }) => {
    const folder = mkdtempSync(join(tmpdir(), 'stemkit-tls-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const made = spawnSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', certificate])
    expect(made.status, String(made.stderr)).toBe(0)
    const port = 20_000 + Math.floor(Math.random() * 20_000)
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate]
    const server = await startServer(['--tls-port', String(port), ...files, '--tls-auth-clients', 'no']).catch(
      (error: Error) => {
        if (/Bad directive|TLS support/.test(error.message)) skip(`${program} was built without TLS`)
        throw error
      },
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
      const plain = await failure(redisRows({ url: `rediss://127.0.0.1:${server.port}?timeout=900`, create }))
      expect(plain.code).toBe('io')
    } finally {
      await server.remove()
      await rm(folder, { recursive: true })
    }
  })
})
