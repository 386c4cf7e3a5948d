import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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

async function subfolder(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  return path
}

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

it('follows links to records', async () => {
  const links = await subfolder('links')
  await symlink(join(recordsFolder, 'gsm8k.0shot.json.gz'), join(links, 'linked.json.gz'))
  await symlink(links, join(links, 'itself.json'))
  expect(await verifyFolder(links)).toEqual([
    { file: 'linked.json.gz', name: 'gsm8k', fewshot: 0, ok: true, mismatches: [] },
  ])
})

it('says why a file cannot be read, and verifies the others', async () => {
  const mixed = await subfolder('mixed')
  const packed = await readFile(join(recordsFolder, 'gsm8k.0shot.json.gz'))
  await writeFile(join(mixed, 'whole.json.gz'), packed)
  await writeFile(join(mixed, 'cut.json.gz'), packed.subarray(0, packed.length / 2))
  await writeFile(join(mixed, 'python.json'), '{"run": NaN}')
  await symlink(join(mixed, 'none'), join(mixed, 'nowhere.json'))
  const outcomes = await verifyFolder(mixed)
  expect(outcomes.map(({ file, ok, mismatches }) => [file, ok, mismatches[0]?.actual])).toEqual([
    ['cut.json.gz', false, 'cannot be read: unexpected end of file'],
    ['nowhere.json', false, expect.stringMatching(/^cannot be read: ENOENT/)],
    ['python.json', false, expect.stringMatching(/^cannot be read: Unexpected token 'N'/)],
    ['whole.json.gz', true, undefined],
  ])
})

it('passes over JSON that is no record, and counts a record that lacks a part as a difference', async () => {
  const others = await subfolder('others')
  await writeFile(join(others, 'index.json'), '{"files": ["a.json"]}')
  await expect(verifyFolder(others)).rejects.toThrow('has no records')
  await writeFile(join(others, 'lacking.json'), '{"run": {"tasks": ["gsm8k"]}, "tasks": {}}')
  const passed: string[] = []
  const outcomes = await verifyFolder(others, { onPassedOver: (file) => passed.push(file) })
  expect(passed).toEqual(['index.json'])
  expect(outcomes).toMatchObject([
    { file: 'lacking.json', ok: false, mismatches: [{ at: 'record', actual: 'no configs, result' }] },
  ])
  await expect(verifyFolder(join(folder, 'none'))).rejects.toThrow('cannot be read')
})
