import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRowTable, type RowLayout } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { storeCommand } from '../commands/store.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { startStem } from '../testing/stem-process.ts'
import { serveFolder, type FolderServer } from './testing/serve-folder.ts'
import { contentAt, makeFileTable } from './testing/tables.ts'

const MINUTES = 60_000 * 3
const layout: RowLayout = { layers: 1, width: 1024, dtype: 'f32', state: 'none' }
/** 24 MiB: three pieces of a copy. */
const ROWS = 6144
const BYTES = ROWS * 4096

let dir: string
let server: FolderServer
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-copy-'))
  await makeFileTable(join(dir, 'source'), { rows: ROWS, layout, byteOf: (id) => 1 + (id % 251) })
  server = await serveFolder(join(dir, 'source'))
})
afterAll(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const at = (name: string): string => `file:${join(dir, name)}`
const copy = (...args: string[]): Promise<Outcome> => runCommand(storeCommand(), ['copy', ...args])
const resumedRows = ({ stdout }: { stdout: string }): number =>
  (JSON.parse(stdout) as { resumedRows: number }).resumedRows

/** Lets the server answer until about two of the three pieces were read. */
function limitServer(beyond: FolderServer['beyond']): void {
  Object.assign(server, { bytes: 0, limit: 0.75 * BYTES, beyond })
}
const freeServer = (): void => void Object.assign(server, { bytes: 0, limit: Infinity })

describe('stem store copy', () => {
  test(
    'that is interrupted says how far it came, and goes on from there',
    async () => {
      limitServer('silence')
      const { process: child, ended } = startStem(['store', 'copy', server.url, 'file:./interrupted'], dir)
      await expect.poll(() => server.bytes > server.limit, { timeout: MINUTES }).toBe(true)
      child.kill('SIGINT')
      const { code, stdout, stderr } = await ended
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
      const [, rows] = /^stopped: (\d+) of 6144 rows are there, the same command goes on\n$/.exec(stderr) ?? []
      expect(await runCommand(storeCommand(), ['info', at('interrupted')])).toMatchObject({ code: 1 })
      freeServer()
      const rest = await copy(server.url, at('interrupted'), '--json')
      expect(rest).toMatchObject({ code: 0, stderr: `going on at row ${rows} of 6144\n` })
      expect(resumedRows(rest)).toBe(Number(rows))
      expect(server.bytes).toBeLessThan(0.9 * BYTES)
      expect((await contentAt(at('interrupted'))).equals(await contentAt(at('source')))).toBe(true)
    },
    MINUTES,
  )

  test(
    'that loses its connection says so in one line, and goes on when it is back',
    async () => {
      limitServer('a closed connection')
      const { code, stderr } = await copy(server.url, at('lost'))
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: .*; \d+ of 6144 rows are there, the same command goes on\n$/)
      freeServer()
      expect(resumedRows(await copy(server.url, at('lost'), '--json'))).toBeGreaterThan(0)
      expect((await contentAt(at('lost'))).equals(await contentAt(at('source')))).toBe(true)
    },
    MINUTES,
  )

  test(
    'begins anew where the source has changed since, and says so',
    async () => {
      limitServer('silence')
      const stopped = copy(server.url, at('changed'))
      await expect.poll(() => server.bytes > server.limit, { timeout: MINUTES }).toBe(true)
      process.emit('SIGINT')
      expect(await stopped).toMatchObject({ code: 130 })
      freeServer()
      const table = await openRowTable({ driver: await fileRows(join(dir, 'source')), mode: 'write' })
      await table.write(Uint32Array.of(7), new Uint8Array(4096).fill(255))
      await table.snapshot()
      await table.dispose()
      const rest = await copy(at('source'), at('changed'), '--json')
      expect(rest).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/^the rows there are of another .* anew\n$/),
      })
      expect(resumedRows(rest)).toBe(0)
      expect((await contentAt(at('changed'))).equals(await contentAt(at('source')))).toBe(true)
    },
    MINUTES,
  )

  test('is refused where a table is, and where nothing can be written', async () => {
    expect(await copy(at('source'), at('source'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*there is a table already.*\n$/),
    })
    expect(await copy(at('source'), server.url)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*\n$/),
    })
  })
})
