import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { editCommand } from './edit.ts'
import { generateCommand } from './generate.ts'
import { storeCommand } from './store.ts'

let dir: string
let model: string
let rows: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-edit-'))
  model = join(dir, 'model')
  rows = pathToFileURL(join(dir, 'rows')).href
  await writeTinyModel(model)
})
afterEach(() => rm(dir, { recursive: true }))

const edit = (...args: string[]): Promise<Outcome> => runCommand(editCommand(), args)
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const outcome = await edit(...args, '--json')
  expect(outcome).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(outcome.stdout) as Record<string, unknown>
}
const nameVersion = (table: string, version: number): Promise<void> =>
  writeFile(join(model, 'rows.json'), JSON.stringify({ url: rows, table, version }))
/** Rows of the model's tables, which its folder names from then on. */
async function makeRows(): Promise<void> {
  const { stdout } = await runCommand(storeCommand(), ['create', rows, '--from', model, '--json'])
  const { id } = JSON.parse(stdout) as { id: string }
  const kept = await runCommand(storeCommand(), ['snapshot', rows, '--json'])
  await nameVersion(id, (JSON.parse(kept.stdout) as { version: number }).version)
}
const continued = async (...args: string[]): Promise<string> => {
  const { stdout } = await runCommand(generateCommand(), [
    model,
    '--prompt',
    'ab',
    '--temperature',
    '0',
    '--max-tokens',
    '6',
    ...args,
  ])
  return stdout.trimEnd()
}
/** One character is one token here, whatever stands before it. */
const a = ['--source', 'a', '--target', 'Z', '--spaces', 'without']

describe('stem edit, before anything is applied', () => {
  test('plans rows, or the positions of a prompt', async () => {
    const { code, stdout } = await edit('plan', model, ...a)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'edit: overwrite, rows, all layers\n  "a" <- "Z"\n' })
    const { plans } = await json('plan', model, ...a, '--kind', 'occurrences', '--prompt', 'aba')
    expect(plans).toMatchObject([{ kind: 'occurrences', inputIds: [64, 65, 64], tableIds: [57, 65, 57] }])
    const text = await edit(
      'plan',
      model,
      '--source',
      'a',
      '--target',
      'YZ',
      '--spaces',
      'without',
      '--strategy',
      'expand_copying',
      '--prompt',
      'ab',
    )
    expect(text.stdout).toBe('edit: overwrite, text, all layers\n  0 "a" <- "Y"\n  1 "a" <- "Z"\n  2 "b"\n')
  })

  test('previews what would come next, as it does once applied', async () => {
    await makeRows()
    const before = await continued()
    const { previews } = await json('preview', model, ...a, '--prompt', 'ab', '--max-tokens', '6')
    const [preview] = previews as { before: { text: string }; after: { text: string }; next: object[] }[]
    expect(preview!.before.text).toBe(before)
    expect(preview!.next.length).toBeGreaterThanOrEqual(5)
    await edit('apply', model, ...a)
    expect(await continued('--overlay', 'edit/edit')).toBe(preview!.after.text)
    expect(preview!.after.text).not.toBe(preview!.before.text)
  })

  test('previews of tables among weights need no store; text is side by side', async () => {
    const { code, stdout } = await edit('preview', model, ...a, '--prompt', 'ab', '--top', '2', '--kind', 'occurrences')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^edit: "ab"\n {2}before {2}".*"\n {2}after {3}".*"\n {2}next +before +after\n( {2}".*" +[\d.-]+ +[\d.-]+\n){2,4}$/,
    )
  })
})

describe('stem edit apply, list, diff, undo', () => {
  beforeEach(makeRows)

  test('changes what is read by name, and takes it back', async () => {
    const before = await continued()
    const { code, stdout } = await edit('apply', model, ...a, '--name', 'x')
    expect({ code, stdout }).toEqual({ code: 0, stdout: "applied 'x': 1 rows, version 3\nread by: --overlay edit/x\n" })
    expect(await continued()).toBe(before)
    expect(await continued('--overlay', 'edit/x')).not.toBe(before)
    expect((await edit('list', model)).stdout).toBe(
      'edit         of  rows  operation  current\nx     everybody     1  overwrite      yes\n',
    )
    const { rows: diffs } = await json('diff', model, 'x')
    expect(diffs).toMatchObject([{ token: 64, layers: [{ layer: 0 }, { layer: 1 }] }])
    expect((await edit('diff', model, 'x')).stdout).toMatch(/^token +layer .*\n"a" +0 .*\n"a" +1 .*\n$/)
    expect((await edit('undo', model, 'x')).stdout).toBe("undone 'x': 1 rows, version 4\nno edits are left\n")
    expect(await json('list', model)).toEqual({ edits: [] })
    expect(await continued()).toBe(before)
  })

  test('is refused where the model would lose its rows, or has others', async () => {
    const { table, version } = JSON.parse(await readFile(join(model, 'rows.json'), 'utf8')) as {
      table: string
      version: number
    }
    await nameVersion(table, version - 1)
    expect((await edit('apply', model, ...a)).stderr).toContain('the rows have changed since')
    await runCommand(storeCommand(), ['snapshot', rows, '--drop', `${version}`])
    await nameVersion(table, version)
    expect((await edit('apply', model, ...a)).stderr).toContain('is not kept and would be gone')
    expect(await json('list', model)).toEqual({ edits: [] })
  })

  test('edits come from a file as well, all of them or none', async () => {
    const path = join(dir, 'edits.json')
    const edits = [
      { name: 'one', source: [3], target: [4] },
      { name: 'two', source: [5, 5], target: [6, 7] },
    ]
    await writeFile(path, JSON.stringify(edits))
    const refused = await edit('apply', model, path)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/^error: edit 'two': token 5 .* would need two rows, .*\n$/)
    expect(await json('list', model)).toEqual({ edits: [] })
    const { overlays } = await json('apply', model, path, '--source', '[9]', '--target', '[8]', '--user', 'ann')
    expect(overlays).toEqual(['edit/ann/one', 'edit/ann/two'])
    expect(await json('list', model, '--user', 'bob')).toEqual({ edits: [] })
    await json('undo', model, 'two', 'one', '--user', 'ann')
  })
})

describe('stem edit export and import', () => {
  beforeEach(makeRows)

  test('carry edits to a copy, and say why another base is none', async () => {
    const [copy, other, patch] = [`${rows}-copy`, `${rows}-other`, join(dir, 'x.patch')]
    await edit('apply', model, ...a, '--name', 'x')
    const { bytes } = await json('export', model, patch)
    expect((await readFile(patch)).length).toBe(bytes)
    await runCommand(storeCommand(), ['copy', rows, copy])
    expect((await edit('import', model, patch, '--store', copy, '--name', 'y')).stdout).toContain("applied 'y': 1 rows")
    expect(await continued('--store', copy, '--overlay', 'edit/y')).toBe(await continued('--overlay', 'edit/x'))

    await writeTinyModel(join(dir, 'else'), { ffnHidden: 24, dim: 16, layers: 4 })
    await runCommand(storeCommand(), ['create', other, '--from', join(dir, 'else')])
    const refused = await edit('import', model, patch, '--store', other)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^error: .*x\.patch: patch: it is for 96 rows of 2 x 24 f32, this table has 96 rows of 3 x 24 f32\n$/,
    )
  })
})

test('what makes no sense is one line and exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['apply', model, ...a], /has its tables among its weights; make rows of them by stem store create/],
    [['plan', model], /give a file with an edit, or --source and --target/],
    [['plan', model, ...a, '--kind', 'text'], /give a text by --prompt/],
    [['plan', model, '--source', 'a'], /^error: edit: target: /],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await edit(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  }
})
