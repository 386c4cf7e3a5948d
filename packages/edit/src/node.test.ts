import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { applyEdit, listEdits, planEdit } from './index.ts'
import { loadPatch, readEditFile, savePatch } from './node.ts'
import { newTable } from './testing/tables.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-edit-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('patches and edits are files', async () => {
  const [table, copy] = [await newTable(), await newTable()]
  const path = join(folder, 'edits.json')
  await writeFile(path, JSON.stringify([{ name: 'a', source: [3], target: [1] }]))
  for (const edit of await readEditFile(path)) await applyEdit({ table }, planEdit(edit, { table }))
  const patch = join(folder, 'a.patch')
  expect(await savePatch({ table }, patch)).toBeGreaterThan(100)
  await loadPatch({ table: copy }, patch)
  expect(listEdits({ table: copy })).toMatchObject([{ name: 'a' }])
})

test('a file that is wrong is named', async () => {
  const table = await newTable()
  const path = join(folder, 'x')
  await expect(loadPatch({ table }, path)).rejects.toMatchObject({
    code: 'not-found',
    message: `${path}: there is no such file`,
  })
  await writeFile(path, '{')
  await expect(loadPatch({ table }, path)).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(`${path}: patch: `) as string,
  })
  await expect(readEditFile(path)).rejects.toMatchObject({ code: 'bad-input' })
  await writeFile(path, '{"name": "a"}')
  await expect(readEditFile(path)).rejects.toThrow(`${path}: edit: source: `)
})
