import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeEvalFolder } from '../eval/testing/eval-folder.ts'
import { serveFolder } from '../store/testing/serve-folder.ts'
import { flagsOf } from '../testing/flags-of.ts'
import { runCommand } from '../testing/run-command.ts'
import { editCommand } from './edit.ts'
import { evalCommand } from './eval.ts'
import { storeCommand } from './store.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-places-'))
  await writeEvalFolder(dir)
})
afterAll(() => rm(dir, { recursive: true }))

const at = (name: string): string => join(dir, name)
let runs = 0
/** The samples of a run. All runs share their answers. */
async function samplesOf(place: string, ...more: string[]): Promise<string> {
  const out = at(`run-${runs++}`)
  const flags = {
    tasks: 'capitals',
    data: at('data'),
    'include-path': at('tasks'),
    threads: 1,
    cache: at('answers'),
    out,
  }
  const { code, stderr } = await runCommand(evalCommand(), [place, ...flagsOf(flags), ...more])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return readFile(join(out, 'samples_capitals.jsonl'), 'utf8')
}

describe('stem eval reads', () => {
  test('a model at a URL, and gives it the answers that the same model gave from a folder', async () => {
    const inFolder = await samplesOf(at('model'))
    const answers = await answersInAll()
    const server = await serveFolder(dir)
    try {
      expect(await samplesOf(`${server.url}/model`)).toBe(inFolder)
      expect(await answersInAll()).toBe(answers)
    } finally {
      await server.close()
    }
  })

  test('tables of a store, with overlays, whose answers are kept apart', async () => {
    const rows = pathToFileURL(at('rows')).href
    const made = await runCommand(storeCommand(), ['create', rows, '--from', at('model'), '--json'])
    const kept = await runCommand(storeCommand(), ['snapshot', rows, '--json'])
    const { id: table } = JSON.parse(made.stdout) as { id: string }
    const { version } = JSON.parse(kept.stdout) as { version: number }
    await writeFile(at('model/rows.json'), JSON.stringify({ url: rows, table, version }))
    const before = await samplesOf(at('model'))
    const edited = ['--source', 'i', '--target', 'Z', '--spaces', 'without', '--name', 'x']
    expect(await runCommand(editCommand(), ['apply', at('model'), ...edited])).toMatchObject({ code: 0 })
    expect(await samplesOf(at('model'))).toBe(before)
    expect(await samplesOf(at('model'), '--overlay', 'edit/x')).not.toBe(before)
    expect(await samplesOf(at('model'))).toBe(before)
  })
})

/** Of the one model that has been asked. */
async function answersInAll(): Promise<string> {
  const [file, ...more] = await readdir(at('answers'))
  expect(more).toEqual([])
  return readFile(join(at('answers'), file!), 'utf8')
}
