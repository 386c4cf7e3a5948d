import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { editCommand } from './edit.ts'
import { inspectCommand } from './inspect.ts'
import { storeCommand } from './store.ts'

/**
 * Models whose tables are larger than memory: their folder has none, the rows are in a file, and memory holds some of them.
 * What comes out is what comes of the same tables among the weights.
 */
let dir: string
let [whole, without, rows, text] = ['', '', '', '']
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-stored-'))
  whole = join(dir, 'whole')
  without = join(dir, 'without')
  rows = pathToFileURL(join(dir, 'rows')).href
  text = join(dir, 'text.txt')
  await writeTinyModel(whole)
  await writeTinyModel(without, {}, { tables: false })
  await writeFile(text, 'It was the best of times, it was the worst of times; it was the age of wisdom.')
  const { id } = await run<{ id: string }>(storeCommand(), 'create', rows, '--from', whole)
  const { version } = await run<{ version: number }>(storeCommand(), 'snapshot', rows)
  await writeFile(join(without, 'rows.json'), JSON.stringify({ url: rows, table: id, version }))
})
afterAll(() => rm(dir, { recursive: true }))

async function run<T>(command: Command, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await runCommand(command, [...args, '--json'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

/** A verb over the same model in three ways, without the name of the folder. */
async function threeWays(command: () => Command, [verb, ...args]: string[], limits: string[]): Promise<object[]> {
  const ways = [
    [whole],
    [without, ...limits],
    // A store that is named goes before the one that the folder names.
    [whole, '--store', rows, ...limits],
  ]
  const found: object[] = []
  for (const [folder, ...options] of ways) {
    const { model: _, ...data } = await run<Record<string, unknown>>(command(), verb!, folder!, ...args, ...options)
    found.push(data)
  }
  return found
}

/** Numbers to five places: other orders of the same rows round otherwise. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each: unknown) => (typeof each === 'number' ? +each.toFixed(5) : each))

describe('with rows in a file and a small budget', () => {
  // Memory for some 10 of 96 rows of 192 bytes.
  const budget = ['--budget', '16KiB']

  test.each([
    ['spread', ['--pairs', '300']],
    ['neighbours', ['--token', 'a']],
    ['attribution', ['--prompt', 'times', '--target', 's']],
    ['capacity', []],
  ])('stem inspect %s finds the same', async (verb, args) => {
    const texts = verb === 'capacity' ? ['--text', text] : []
    const [own, stored, named] = await threeWays(inspectCommand, [verb, ...args, ...texts, '--threads', '1'], budget)
    expect(rounded(stored)).toEqual(rounded(own))
    expect(rounded(named)).toEqual(rounded(own))
  })

  const swap = ['--source', 'a', '--target', 'Z', '--spaces', 'without']
  test('stem edit plan and preview show the same', async () => {
    for (const args of [
      ['plan', ...swap],
      ['preview', ...swap, '--prompt', 'ab', '--max-tokens', '4'],
    ]) {
      const [own, stored, named] = await threeWays(editCommand, args, [])
      expect(rounded(stored)).toEqual(rounded(own))
      expect(rounded(named)).toEqual(rounded(own))
    }
  })

  test('stem edit eval measures the same', async () => {
    const cases = join(dir, 'cases.jsonl')
    await writeFile(cases, '{"subject":"a","prompt":"b a is","answer":"Z","truth":"Y","donor":"c"}')
    const args = [
      'eval',
      '--spaces',
      'without',
      '--max-tokens',
      '4',
      '--threads',
      '1',
      '--sequence',
      '1',
      '--text',
      text,
    ]
    const [own, stored, named] = await threeWays(editCommand, [args[0]!, cases, ...args.slice(1)], budget)
    expect(rounded(stored)).toEqual(rounded(own))
    expect(rounded(named)).toEqual(rounded(own))
  })

  test('stem edit inject fits the same rows', async () => {
    const args = ['--statement', 'ba {Z}', '--subject', 'a', '--steps', '5', '--neutral', '2', '--threads', '1']
    const [own, stored, named] = await threeWays(
      editCommand,
      ['inject', ...args, '--out', join(dir, 'edit.json')],
      budget,
    )
    expect(rounded(stored)).toEqual(rounded(own))
    expect(rounded(named)).toEqual(rounded(own))
  })

  test('edits are applied, listed, compared, exported, undone and imported', async () => {
    const patch = join(dir, 'x.patch')
    for (const where of [[without], [whole, '--store', rows]] as const) {
      const [folder, ...store] = where
      const edit = <T>(verb: string, ...args: string[]): Promise<T> =>
        run<T>(editCommand(), verb, folder, ...args, ...store)
      expect(await edit('apply', ...swap, '--name', 'x')).toMatchObject({ overlays: ['edit/x'] })
      expect(await edit('list')).toMatchObject({ edits: [{ name: 'x', writes: [64], current: true }] })
      const before = await edit('diff', 'x')
      expect(before).toMatchObject({ rows: [{ token: 64, layers: [{ layer: 0 }, { layer: 1 }] }] })
      await edit('export', patch)
      expect(await edit('undo', 'x')).toMatchObject({ overlays: [] })
      await edit('import', patch)
      expect(await edit('diff', 'x')).toEqual(before)
      await edit('undo', 'x')
      expect(await edit('list')).toEqual({ edits: [] })
    }
  })
})
