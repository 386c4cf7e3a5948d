import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadModel } from '@stemkit/generate/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { editCommand } from './edit.ts'
import { storeCommand } from './store.ts'

let dir: string
let [model, rows] = ['', '']
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-inject-'))
  model = join(dir, 'model')
  rows = pathToFileURL(join(dir, 'rows')).href
  await writeTinyModel(model)
  expect((await runCommand(storeCommand(), ['create', rows, '--from', model])).code).toBe(0)
})
afterAll(() => rm(dir, { recursive: true }))

const edit = (...args: string[]): Promise<Outcome> => runCommand(editCommand(), args)
const json = async <T>(...args: string[]): Promise<T> => {
  const outcome = await edit(...args, '--json')
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(outcome.stdout) as T
}
/** Each character is a token, and so is a space. */
const fit = ['--statement', 'bac {Z}.', '--statement', 'a is Z', '--subject', 'a', '--steps', '25', '--threads', '1']

interface Found {
  readonly tokens: { readonly token: number; readonly text: string }[]
  readonly report: { readonly statements: { before: { probability: number }; after: { probability: number } }[] }
  readonly overlay?: string
  readonly file?: string
}

/** How likely " Z" is behind "bac". */
async function probability(overlay?: string): Promise<number> {
  const loaded = await loadModel(model, { store: rows, threads: 1 })
  try {
    const tokens = Array.from(loaded.tokenizer!.encode('bac Z'))
    const { logprobs } = await loaded.score(tokens, { from: 3, ...(overlay !== undefined && { overlay }) })
    return Math.exp(logprobs.reduce((a, b) => a + b, 0))
  } finally {
    await loaded.dispose()
  }
}

test('stem edit inject applies rows that say the statement, and they are undone like any other', async () => {
  const before = await probability()
  const page = join(dir, 'inject.html')
  const found = await json<Found>('inject', model, '--store', rows, ...fit, '--neutral', '2', '--html', page)
  expect(found).toMatchObject({ name: 'injected', overlay: 'edit/injected', tokens: [{ token: 64, text: '"a"' }] })
  const [first] = found.report.statements
  expect(first!.before.probability).toBeCloseTo(before, 6)
  expect(first!.after.probability).toBeGreaterThan(1.5 * before)
  expect(first!.after.probability).toBeCloseTo(await probability('edit/injected'), 6)
  expect(await readFile(page, 'utf8')).toContain('Injection: bac Z')
  const { edits } = await json<{ edits: object[] }>('list', model, '--store', rows)
  expect(edits).toMatchObject([{ name: 'injected', writes: [64], edits: [{ operation: 'set', source: [64] }] }])
  await json('undo', model, 'injected', '--store', rows)
  expect(await probability()).toBe(before)
})

test('a fit of tables among weights goes to a file, which may be applied later', async () => {
  const file = join(dir, 'edit.json')
  const text = join(dir, 'neutral.txt')
  await writeFile(text, 'a cab had a bad cat. '.repeat(20))
  const found = await json<Found>('inject', model, ...fit, '--text', text, '--out', file, '--name', 'later')
  expect(found.file).toBe(file)
  const again = await json<Found>('inject', model, ...fit, '--text', text, '--out', file, '--name', 'later')
  expect(again).toEqual(found)
  await json('apply', model, file, '--store', rows)
  expect(await probability('edit/later')).toBeCloseTo(found.report.statements[0]!.after.probability, 6)
  await json('undo', model, 'later', '--store', rows)
})

test('prints tables', async () => {
  const { code, stdout } = await edit('inject', model, ...fit, '--out', join(dir, 'x.json'), '--neutral', '1')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^statement +target +p before +p after\nbac +Z +\S+ +\S+\na is +Z /)
  expect(stdout).toMatch(/STEM layer +norm before +norm after +change\n0 +[\d.]+ +[\d.]+ +[\d.]+\n/)
})

test.each([
  ['a subject that is not said', ['--statement', 'b {Z}', '--subject', 'q'], '"q" is in none of the statements'],
  ['a statement of one word', ['--statement', 'Z', '--subject', 'Z'], 'has no target behind other words'],
  ['a target that is not there', ['--statement', 'a b', '--subject', 'a', '--target', 'Q'], '"Q" is not in "a b"'],
])('%s is refused in one line', async (_, args, message) => {
  const { code, stderr } = await edit('inject', model, '--out', join(dir, 'none'), ...args)
  expect(code).toBe(2)
  expect(stderr).toMatch(/^error: [^\n]+\n$/)
  expect(stderr).toContain(message)
})
