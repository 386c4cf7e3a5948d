import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowTable, openRowTable, recordBytes, verifyTable, type RowLayout, type RowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { copyOnce } from './testing/copy-once.ts'
import { openRows } from './testing/open-rows.ts'
import { redisProgram, startRedis } from './testing/redis-server.ts'
import { serveFolder } from './testing/serve-folder.ts'

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
  const driver = await fileRows(join(dir, 'source'), { create: { rows: ROWS, rowBytes: recordBytes(layout) } })
  const fill = (ids: Uint32Array, into: Uint8Array): void => ids.forEach((id, i) => into.fill(1 + (id % 251), i * 512))
  const table = await createRowTable({ driver, layout, rows: ROWS, fill })
  content = await contentOf(table)
  await table.dispose()
})
afterAll(async () => {
  await Promise.all(closing.map((close) => close()))
  await rm(dir, { recursive: true })
})

async function contentOf(table: RowTable): Promise<Buffer> {
  const into = Buffer.alloc(table.rows * table.rowBytes)
  await table.read(
    Uint32Array.from({ length: table.rows }, (_, id) => id),
    into,
  )
  return into
}

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

/** The table at a URL; undefined where there is none. */
async function tableAt(url: string): Promise<RowTable | undefined> {
  try {
    return await openRowTable({ driver: await openRows(url, { readOnly: true }), mode: 'read' })
  } catch (error) {
    if (StemkitError.isInstance(error) && error.code === 'not-found') return undefined
    throw error
  }
}

async function expectWhole(url: string): Promise<void> {
  const table = await tableAt(url)
  expect((await contentOf(table!)).equals(content)).toBe(true)
  expect(await verifyTable(table!)).toEqual([])
  await table!.dispose()
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
  ...(redisProgram !== undefined && {
    'file to redis': async () => {
      const server = await startRedis()
      closing.push(() => server.stop())
      return { from: `file:${join(dir, 'source')}`, to: (name) => `${server.url}?prefix=${name}` }
    },
  }),
}

describe.each(Object.keys(ways))('a copy from %s', (way) => {
  test(
    `that is killed is no table, and goes on when it is started again, at ${KILLS} moments of its life`,
    async () => {
      const { from, to } = await ways[way]!()
      const { rootCall } = await copyOnce(from, to('alone'))
      await expectWhole(to('alone'))
      const resumed: number[] = []
      for (let at = 0; at < KILLS; at++) {
        const url = to(`killed${at}`)
        // From the first call of all to the one that would make it a table.
        const fatal = 1 + Math.floor((at * (rootCall - 1)) / (KILLS - 1))
        expect(await killedCopy(from, url, fatal)).toBe(true)
        expect(await tableAt(url)).toBeUndefined()
        const { resumedRows } = await copyOnce(from, url)
        resumed.push(resumedRows)
        await expectWhole(url)
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
      let isThere = false
      while (!isThere && (await killedCopy(from, url, 34))) {
        const table = await tableAt(url)
        isThere = table !== undefined
        await table?.dispose()
        expect(++kills).toBeLessThan(20)
      }
      expect(kills).toBeGreaterThan(1)
      await expectWhole(url)
    },
    MINUTES,
  )
})

test.skipIf(redisProgram !== undefined)('copies to redis are tried as well: no redis-server or valkey-server', () => {})
