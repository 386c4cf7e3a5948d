import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { stem, type Ended } from '../testing/stem-process.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'
import { openPlugins } from './open-plugins.ts'

const MINUTES = 60_000 * 3

/** As its author would write it, but for the imports: there is no node_modules where the tests write. */
const source = `
import { definePlugin } from '${import.meta.resolve('@stemkit/plugin')}'
import { gatedFfn, gatherRows, linear, mul, type Tensor2D } from '${import.meta.resolve('@stemkit/tensor')}'

/** STEM whose rows are scaled by one learned number per channel. */
export default definePlugin({
  name: 'scaled',
  feedForwards: {
    scaled_stem: {
      weights: ({ dim, ffnHidden, vocabSize }) => ({
        'gate.weight': { shape: [ffnHidden, dim], role: 'matrix' },
        'table.weight': { shape: [vocabSize, ffnHidden], role: 'table' },
        'scale.weight': { shape: [ffnHidden], role: 'gain' },
        'down.weight': { shape: [dim, ffnHidden], role: 'matrix' },
      }),
      build: (weight, { inverse }) => (x) => {
        const [gate, table, down] = ['gate', 'table', 'down'].map((name) => weight(name + '.weight') as Tensor2D)
        const rows = mul(gatherRows(table!, inverse!), weight('scale.weight')) as Tensor2D
        return { y: gatedFfn(x, rows, { gate: gate!, down: down! }) }
      },
    },
  },
})
`

let dir: string
let trained: Ended
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-plugins-'))
  await writeTinyRun(dir)
  await mkdir(join(dir, 'configs'))
  await writeFile(join(dir, 'configs', 'scaled.ts'), source)
  const config = (await readFile(join(dir, 'run.yaml'), 'utf8')).replace('kind: stem', 'kind: scaled_stem')
  // Relative to the config, which is not where the command runs.
  await writeFile(join(dir, 'configs', 'run.yaml'), `plugins: [./scaled.ts]\n${config}`)
  await writeFile(join(dir, 'without.yaml'), config)
  trained = await stem(['train', 'configs/run.yaml', '--run', 'run', '--set', 'training.steps=6', '--json'], dir)
}, MINUTES)
afterAll(() => rm(dir, { recursive: true }))

describe("a plugin's feed-forward", () => {
  test('is trained like any other, and counted', () => {
    expect(trained).toMatchObject({ code: 0 })
    const { steps, heldOut, parameters } = JSON.parse(trained.stdout) as {
      steps: number
      heldOut: number
      parameters: { table: number; dense: number }
    }
    expect(steps).toBe(6)
    expect(heldOut).toBeLessThan(Math.log(300))
    // One layer of two has a table: 300 tokens of 32 numbers.
    expect(parameters.table).toBe(300 * 32)
    const attention = 2 * (4 * 16 * 16 + 2 * 16) + 16
    expect(parameters.dense).toBe(2 * 300 * 16 + attention + 3 * 16 * 32 + 2 * 16 * 32 + 32)
  })

  test('makes a model that goes on with a text and is exported, with the plugin named', async () => {
    const generated = await stem(
      ['generate', 'run/model', '--plugin', './configs/scaled.ts', '--max-tokens', '5', '--temperature', '0', '--json'],
      dir,
    )
    expect(generated).toMatchObject({ code: 0, stderr: '' })
    expect((JSON.parse(generated.stdout) as { tokens: number[] }).tokens.length).toBe(5)
    const exported = await stem(
      ['export', 'run/model', 'model.onnx', '--length', '8', '--plugin', './configs/scaled.ts'],
      dir,
    )
    expect(exported).toMatchObject({ code: 0, stderr: '' })
    expect((await stat(join(dir, 'model.onnx'))).size).toBeGreaterThan(300 * 32 * 4)
  })

  test('is remembered by the run, wherever its config is read again', async () => {
    const saved = parse(await readFile(join(dir, 'run', 'config.yaml'), 'utf8')) as { plugins: string[] }
    expect(saved.plugins).toEqual([join(dir, 'configs', 'scaled.ts')])
    const flags = ['--run', 'again', '--set', 'training.steps=6', '--json']
    const again = await stem(['train', 'run/config.yaml', ...flags], dir)
    expect(again).toMatchObject({ code: 0 })
    expect((JSON.parse(again.stdout) as { heldOut: number }).heldOut).toBe(
      (JSON.parse(trained.stdout) as { heldOut: number }).heldOut,
    )
  })

  test('may come from the command line instead', async () => {
    const result = await stem(
      ['train', 'without.yaml', '--plugin', 'configs/scaled.ts', '--run', 'flag', '--overfit-one-batch', '--json'],
      dir,
    )
    // Named like a package; with ./ it is a file.
    expect(result).toEqual({
      code: 1,
      signal: null,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: plugin configs\/scaled\.ts: no such package .* write \.\/configs\/scaled\.ts/,
      ),
    })
    const args = ['--run', 'flag', '--set', 'training.steps=6', '--json']
    expect(await stem(['train', 'without.yaml', '--plugin', './configs/scaled.ts', ...args], dir)).toMatchObject({
      code: 0,
    })
  })

  test('is asked for in one line where it is missing, before anything is written', async () => {
    expect(await stem(['train', 'without.yaml', '--run', 'missing'], dir)).toMatchObject({
      code: 2,
      stderr:
        'error: model.kind is "scaled_stem"; known are dense, stem, hash_moe; others come with plugins, by \'plugins\' in the config or --plugin\n',
    })
    expect(await stem(['generate', 'run/model', '--max-tokens', '1'], dir)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("feed-forward 'scaled_stem' is not known") as unknown,
    })
  })
})

test('a broken plugin ends the command with one line', async () => {
  await writeFile(join(dir, 'broken.js'), `export default { name: 'broken', feedForward: {} }`)
  expect(await stem(['generate', 'run/model', '--plugin', './broken.js'], dir)).toMatchObject({
    code: 2,
    stderr: 'error: plugin ./broken.js: plugin broken: unknown key feedForward; did you mean feedForwards?\n',
  })
})

test("a plugin's row driver stands beside the built-in ones and cannot take their place", async () => {
  const driver = `async () => ({ rows: 2, rowBytes: 4, durability: 'none', read: async () => {}, dispose: async () => {} })`
  await writeFile(join(dir, 'rows.js'), `export default { name: 'rows', drivers: { mine: ${driver} } }`)
  const { drivers } = await openPlugins([pathToFileURL(join(dir, 'rows.js')).href], { base: dir })
  expect(drivers.schemes).toEqual(expect.arrayContaining(['memory', 'file', 'http', 'https', 'sqlite', 'mine']))
  expect((await drivers.open('mine:')).rows).toBe(2)
  await writeFile(join(dir, 'taken.js'), `export default { name: 'taken', drivers: { file: ${driver} } }`)
  await expect(openPlugins(['./taken.js'], { base: dir })).rejects.toThrow(
    "plugin taken: URL scheme 'file' is taken by stem",
  )
})

test('what is built in makes rows and opens them again by URL', async () => {
  const { drivers } = await openPlugins()
  const ids = Uint32Array.of(1, 3)
  for (const url of [`file:${join(dir, 'rows')}`, `sqlite:${join(dir, 'rows.db')}`, 'memory:']) {
    const made = await drivers.open(url, { create: { rows: 4, rowBytes: 2 } })
    await made.write!(ids, Uint8Array.of(1, 2, 3, 4))
    await made.flush?.()
    await made.dispose()
    if (url === 'memory:') continue
    const again = await drivers.open(url, { readOnly: true })
    const into = new Uint8Array(4)
    await again.read(ids, into)
    expect([...into], url).toEqual([1, 2, 3, 4])
    await again.dispose()
  }
  await expect(drivers.open('memory:')).rejects.toThrow('memory: holds nothing yet')
  await expect(drivers.open('http://127.0.0.1:1/rows', { create: { rows: 1, rowBytes: 1 } })).rejects.toThrow(
    'over http',
  )
  await expect(drivers.open('sqlit:x')).rejects.toThrow("did you mean 'sqlite'?")
})
