import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowLayout } from '@stemkit/store'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyOnce } from './testing/copy-once.ts'
import { redisProgram, startRedis } from './testing/redis-server.ts'
import { serveFolder } from './testing/serve-folder.ts'
import { contentAt, makeFileTable } from './testing/tables.ts'

const CHILD = fileURLToPath(new URL('./testing/copy-child.ts', import.meta.url))
const MINUTES = 60_000 * 3
const KILLS = 4
const ROWS = 300
const layout: RowLayout = { layers: 2, width: 64, dtype: 'f32', state: 'none' }
const closing: (() => Promise<unknown>)[] = []

let dir: string
let content: Buffer
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-copy-'))
  await makeFileTable(join(dir, 'source'), { rows: ROWS, layout, byteOf: (id) => 1 + (id % 251) })
  content = await contentAt(`file:${join(dir, 'source')}`)
})
afterAll(async () => {
  await Promise.all(closing.map((close) => close()))
  await rm(dir, { recursive: true })
})

/** Copies in a process of its own, which dies at its `fatal`th call of a driver; resolves to whether it did. */
function killedCopy(from: string, to: string, fatal: number): Promise<boolean> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(dir, 'compiled') }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CHILD, from, to, String(fatal)], { env }, (error, _, stderr) => {
      if (error && error.signal !== 'SIGKILL') reject(new Error(stderr))
      else resolve(error !== null)
    })
  })
}

/** Whether there is a table, which is then whole. */
async function isTable(url: string): Promise<boolean> {
  try {
    expect((await contentAt(url)).equals(content)).toBe(true)
    return true
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'not-found') return false
    throw error
  }
}

/** Where copies come from and go to. */
const ways: Record<string, () => Promise<{ from: string; to: (name: string) => string }>> = {
  'file to sqlite': async () => ({
    from: `file:${join(dir, 'source')}`,
    to: (name) => `sqlite:${join(dir, `${name}.db`)}`,
  }),
  'http to file': async () => {
    const server = await serveFolder(join(dir, 'source'))
    closing.push(() => server.close())
    return { from: server.url, to: (name) => `file:${join(dir, name)}` }
  },
  'file to redis': async () => {
    const server = await startRedis()
    closing.push(() => server.stop())
    return { from: `file:${join(dir, 'source')}`, to: (name) => `${server.url}?prefix=${name}` }
  },
}
/** Programs that a way needs and this machine lacks. */
const missing: Record<string, string> =
  redisProgram === undefined ? { 'file to redis': ' (no redis-server or valkey-server here)' } : {}

for (const way of Object.keys(ways)) {
  describe.skipIf(way in missing)(`a copy from ${way}${missing[way] ?? ''}`, () => {
    test(
      `that is killed is no table, and goes on when it is started again, at ${KILLS} moments of its life`,
      async () => {
        const { from, to } = await ways[way]!()
        const { rootCall } = await copyOnce(from, to('alone'))
        expect(await isTable(to('alone'))).toBe(true)
        const resumed: number[] = []
        for (let at = 0; at < KILLS; at++) {
          const url = to(`killed${at}`)
          // From the first call of all to the one that would make it a table.
          const fatal = 1 + Math.floor((at * (rootCall - 1)) / (KILLS - 1))
          expect(await killedCopy(from, url, fatal)).toBe(true)
          expect(await isTable(url)).toBe(false)
          const { resumedRows } = await copyOnce(from, url)
          resumed.push(resumedRows)
          expect(await isTable(url)).toBe(true)
        }
        // The later it was killed, the more was there already.
        expect(resumed).toEqual(resumed.toSorted((a, b) => a - b))
        expect(resumed.at(-1)).toBe(ROWS)
      },
      MINUTES,
    )

    test(
      'that is killed again and again comes to its end',
      async () => {
        const { from, to } = await ways[way]!()
        const url = to('often')
        let kills = 0
        do {
          if (!(await killedCopy(from, url, 34))) break
          expect(++kills).toBeLessThan(20)
        } while (!(await isTable(url)))
        expect(kills).toBeGreaterThan(1)
        expect(await isTable(url)).toBe(true)
      },
      MINUTES,
    )
  })
}
