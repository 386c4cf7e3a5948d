import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { recordNames, recordsFolder } from '../testing/records.ts'
import { verifyFolder } from './verify-folder.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-records-'))
})
afterAll(() => rm(folder, { recursive: true }))

it('verifies every record of a folder, and says which', async () => {
  const seen: string[] = []
  const tasks = await verifyFolder(recordsFolder, { onProgress: ({ file }) => seen.push(file) })
  expect(tasks.filter(({ ok }) => !ok)).toEqual([])
  expect(new Set(seen)).toEqual(new Set(recordNames().map((name) => `${name}.json.gz`)))
  expect(new Set(tasks.map(({ file }) => file))).toEqual(new Set(seen))
})

const shared = fileURLToPath(new URL('../../../../../shared/oracle-eval', import.meta.url))
it.skipIf(!existsSync(shared))(
  'verifies the records whose data may not be passed on (needs shared/oracle-eval)',
  async () => {
    const tasks = await verifyFolder(shared)
    expect(tasks.filter(({ ok, differs, file }) => !ok || (differs && !file.startsWith('custom')))).toEqual([])
    expect(tasks.length).toBeGreaterThan(100)
  },
)

it('counts what is no record as a difference', async () => {
  await writeFile(join(folder, 'other.json'), '{"a": 1}')
  const [outcome] = await verifyFolder(folder)
  expect(outcome).toMatchObject({ file: 'other.json', name: 'other.json', ok: false })
  await writeFile(join(folder, 'broken.json.gz'), 'not gzip')
  const outcomes = await verifyFolder(folder)
  expect(outcomes.map(({ ok }) => ok)).toEqual([false, false])
  await expect(verifyFolder(join(folder, 'none'))).rejects.toThrow('cannot be read')
})
