import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stem } from '../testing/stem-process.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'

const MINUTES = 60_000 * 3
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-store-'))
  await writeTinyRun(dir)
  const run = ['train', 'run.yaml', '--run', 'run', '--set', 'training.steps=6']
  expect(await stem(run, dir)).toMatchObject({ code: 0 })
  const create = ['store', 'create', 'file:./rows', '--from', 'run/model', '--state', 'adam', '--json']
  expect(await stem(create, dir)).toMatchObject({ code: 0, stderr: '' })
}, MINUTES)
afterAll(() => rm(dir, { recursive: true }))

const store = (...args: string[]) => stem(['store', ...args], dir)
const text = (model: string, ...args: string[]) =>
  stem(['generate', model, '--prompt', 'the', '--max-tokens', '6', '--temperature', '0', ...args], dir)

describe('stem store', () => {
  test(
    'makes a table of the tables of a model, which generates the same from it',
    async () => {
      const { stdout } = await store('info', 'file:./rows', '--json')
      expect(JSON.parse(stdout)).toMatchObject({
        rows: 300,
        layout: { layers: 1, width: 32, dtype: 'f32', state: 'adam' },
        bytes: 300 * 3 * 128,
        version: 1,
      })
      const inside = await text('run/model')
      expect(inside).toMatchObject({ code: 0 })
      expect(await text('run/model', '--store', 'file:./rows')).toEqual(inside)
    },
    MINUTES,
  )

  test(
    'copies a table to another medium, and to another dtype',
    async () => {
      expect(await store('copy', 'file:./rows', 'sqlite:./rows.db')).toMatchObject({ code: 0, stderr: '' })
      expect(await text('run/model', '--store', 'sqlite:./rows.db')).toEqual(await text('run/model'))
      const args = ['copy', 'sqlite:./rows.db', 'lmdb:./rows-f16', '--dtype', 'f16', '--state', 'none', '--json']
      expect(JSON.parse((await store(...args)).stdout)).toMatchObject({ bytes: 300 * 64, layout: { dtype: 'f16' } })
      expect(await text('run/model', '--store', 'lmdb:./rows-f16')).toMatchObject({ code: 0 })
      expect(await store('copy', 'file:./rows', 'sqlite:./rows.db')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .*\n$/),
      })
    },
    MINUTES,
  )

  test(
    'keeps versions, lists them and lets them go',
    async () => {
      await store('create', 'file:./zeros', '--rows', '9', '--layers', '2', '--width', '4')
      const made = await store('snapshot', 'file:./zeros', '--note', 'first', '--json')
      expect(JSON.parse(made.stdout)).toMatchObject({ version: 2 })
      const listed = (await store('snapshot', 'file:./zeros', '--list')).stdout
      expect(listed).toContain('version 2  kept  first')
      expect((await store('snapshot', 'file:./zeros', '--note', 'second')).stdout).toContain('version 3  kept  second')
      expect((await store('snapshot', 'file:./zeros', '--drop', '2')).stdout).not.toContain('version 2')
    },
    MINUTES,
  )

  test(
    'finds a damaged row, and only that',
    async () => {
      await store('create', 'file:./flipped', '--rows', '50', '--layers', '1', '--width', '64')
      expect(await store('verify', 'file:./flipped')).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('all 50 rows'),
      })
      const path = join(dir, 'flipped', 'rows.bin')
      const stride = ((await stat(path)).size - 4096) / 50
      const file = await open(path, 'r+')
      await file.write(Uint8Array.of(1), 0, 1, 4096 + 17 * stride + 5)
      await file.close()
      const { code, stdout } = await store('verify', 'file:./flipped', '--json')
      expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({ code: 1, ok: false, rows: 50, damaged: [17] })
      expect(await store('verify', 'file:./flipped')).toMatchObject({
        code: 1,
        stderr: 'error: 1 rows at file: are damaged: 17; copy the table anew from its source\n',
      })
      const table = await openRowTable({ driver: await fileRows(path.slice(0, -9)), mode: 'read' })
      await expect(table.read(Uint32Array.of(17), new Uint8Array(256))).rejects.toMatchObject({ code: 'corrupt' })
      await table.dispose()
    },
    MINUTES,
  )

  test(
    'says in one line what is wrong',
    async () => {
      expect(await store('info', 'file:./nothing')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: .*nothing.*\n$/),
      })
      expect(await store('create', 'file:./more', '--rows', '9')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--rows, --layers and --width'),
      })
    },
    MINUTES,
  )
})
