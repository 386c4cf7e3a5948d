import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { applyEdit, planEdit } from '@stemkit/edit'
import { collect } from '@stemkit/generate'
import { openRowTable } from '@stemkit/store'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { storeCommand } from '../commands/store.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { serveFolder } from '../store/testing/serve-folder.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { loadServed, type LoadedModel } from './load-served.ts'

let dir: string
let folder: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-served-'))
  folder = join(dir, 'model')
  await writeTinyModel(folder)
})
const open: LoadedModel[] = []
afterEach(async () => {
  for (const loaded of open.splice(0)) await loaded.dispose()
  await rm(dir, { recursive: true })
})

const at = (scheme: string, name = 'rows'): string => `${scheme}:${pathToFileURL(join(dir, name)).pathname}`
const create = async (url: string): Promise<string> => {
  const { stdout, stderr } = await runCommand(storeCommand(), ['create', url, '--from', folder, '--json'])
  expect(stderr).toBe('')
  return (JSON.parse(stdout) as { id: string }).id
}
async function load(store?: string): Promise<LoadedModel & { readonly notes: string[] }> {
  const { drivers, feedForwards: custom } = await openPlugins()
  const notes: string[] = []
  const { signal } = new AbortController()
  const loaded = await loadServed(folder, {
    store,
    drivers,
    custom,
    signal,
    budget: 2 ** 22,
    threads: 1,
    onProgress: () => {},
    onWithoutEdits: (line) => notes.push(line),
  })
  open.push(loaded)
  return { ...loaded, notes }
}
const apply = ({ edits }: LoadedModel) =>
  edits!.change(({ table }) => applyEdit({ table }, planEdit({ name: 'x', source: [65], target: [57] }, { table })))
async function answer({ model, edits }: LoadedModel): Promise<{ text: string; version: string }> {
  const { rows, release } = await edits!.use()
  const { text, tables } = await collect(model.generate([64, 65], { rows, temperature: 0, maxTokens: 6 }))
  release()
  return { text, version: tables!.split('/')[1]! }
}

test.each([
  ['a file', () => [at('file')]],
  ['SQLite', () => [at('sqlite', 'rows.db')]],
  ['LMDB', () => [at('lmdb')]],
  ['layers', () => [at('file'), `layered:memory:,${at('file')}`]],
] as const)('edits over rows in %s are read and made beside the model', async (_, urls) => {
  const [made, used = made] = urls() as [string, string?]
  await create(made)
  const loaded = await load(used)
  const before = await answer(loaded)
  expect(before.version).toBe('1')
  expect(await apply(loaded)).toMatchObject({ name: 'x', version: 2 })
  const after = await answer(loaded)
  expect(after.version).toBe('2+edits')
  expect(after.text).not.toBe(before.text)
  expect(loaded.notes).toEqual([])
})

test('edits that a static server has are read, and none can be made', async () => {
  const url = at('file')
  await create(url)
  const writing = await load(url)
  await apply(writing)
  const after = await answer(writing)
  await writing.dispose()
  const server = await serveFolder(join(dir, 'rows'))
  onTestFinished(() => server.close())
  const reading = await load(server.url)
  expect(await answer(reading)).toEqual(after)
  await expect(apply(reading)).rejects.toMatchObject({ code: 'unsupported' })
  expect(await answer(reading)).toEqual(after)
  await reading.dispose()
})

test('a model whose tables are among its weights has none', async () => {
  expect((await load()).edits).toBe(undefined)
})

test('a model that names a version of its rows is not edited out of it', async () => {
  const url = at('file')
  const table = await create(url)
  const name = (version: number) => writeFile(join(folder, 'rows.json'), JSON.stringify({ url, table, version }))
  await name(1)
  const loaded = await load()
  await expect(apply(loaded)).rejects.toThrow('which is not kept and would be gone with the edit')
  await loaded.dispose()
  await runCommand(storeCommand(), ['snapshot', url])
  await name(2)
  expect(await apply(await load())).toMatchObject({ version: 3 })
})

test('a model whose rows were trained on meanwhile is served as it was saved, without edits', async () => {
  const url = at('file')
  const table = await create(url)
  await runCommand(storeCommand(), ['snapshot', url])
  await writeFile(join(folder, 'rows.json'), JSON.stringify({ url, table, version: 2 }))
  const { drivers } = await openPlugins()
  const writer = await openRowTable({ driver: await drivers.open(url), mode: 'write' })
  await writer.write(Uint32Array.of(3), new Uint8Array(writer.rowBytes))
  await writer.snapshot()
  await writer.dispose()
  const { edits, notes, model } = await load()
  expect(edits).toBe(undefined)
  expect(notes).toEqual([expect.stringContaining('the rows have changed since the model was loaded')])
  expect(model.tables).toBe(`${table}/2`)
})
