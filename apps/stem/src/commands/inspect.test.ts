import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { arrayTables, angularSpread, attribute } from '@stemkit/inspect'
import { readModel } from '@stemkit/generate/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine } from '../engines.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { inspectCommand } from './inspect.ts'
import { storeCommand } from './store.ts'

let folder: string
let [stem, dense, text] = ['', '', '']
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-inspect-'))
  stem = join(folder, 'stem')
  dense = join(folder, 'dense')
  text = join(folder, 'text.txt')
  await writeTinyModel(stem)
  await writeTinyModel(dense, { kind: 'dense' })
  await writeFile(text, 'It was the best of times, it was the worst of times; it was the age of wisdom.')
})
afterAll(() => rm(folder, { recursive: true }))

async function json(...args: string[]): Promise<never> {
  const { code, stdout, stderr } = await runCommand(inspectCommand(), [...args, '--json', '--threads', '1'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as never
}

interface Spread {
  readonly rows: number
  readonly positions?: number
  readonly subjects: { readonly name: string; readonly spread: { layer: number; mean: number; std: number }[] }[]
}

describe('stem inspect spread', () => {
  test('gives what the package computes, and the initialisation beside it', async () => {
    const found: Spread = await json('spread', stem, '--initial-seed', '5', '--table-init', 'unit')
    expect(found).toMatchObject({ rows: 96, of: 'vocabulary', pairs: 'all', layers: [1, 2] })
    expect(found.subjects.map(({ name }) => name)).toEqual(['tables', 'initial'])
    const model = await readModel(stem)
    const engine = await openEngine('compiled', 1)
    const expected = await angularSpread(arrayTables(model, model.weights), { engine, pairs: 'all' })
    expect(found.subjects[0]!.spread).toEqual(JSON.parse(JSON.stringify(expected)))
    // The tiny model is what seed 5 gives.
    expect(found.subjects[1]!.spread).toEqual(found.subjects[0]!.spread)
  })

  test('beside a dense model looks at the tokens of a text', async () => {
    const found: Spread = await json('spread', stem, '--dense', dense, '--text', text, '--max-tokens', '40')
    expect(found).toMatchObject({ of: 'texts', positions: 40 })
    expect(found.rows).toBeLessThan(20)
    expect(found.subjects.map(({ name }) => name)).toEqual(['tables', 'initial', 'dense mean', 'dense occurrence'])
    for (const { spread } of found.subjects) expect(spread.map(({ layer }) => layer)).toEqual([1, 2])
  })

  test('reads rows from a store as well', async () => {
    const url = `file:${join(folder, 'rows')}`
    expect((await runCommand(storeCommand(), ['create', url, '--from', stem])).code).toBe(0)
    const args = ['--pairs', '500', '--seed', '3']
    const stored: Spread = await json('spread', stem, ...args, '--store', url, '--budget', '64KiB')
    const own: Spread = await json('spread', stem, ...args)
    expect(stored).toEqual(own)
  })

  test('prints a table and writes a page', async () => {
    const page = join(folder, 'spread.html')
    const args = ['spread', stem, '--dense', dense, '--text', text, '--html', page]
    const { code, stdout } = await runCommand(inspectCommand(), args)
    expect(code).toBe(0)
    expect(stdout).toContain('2: dense, one occurrence')
    const html = await readFile(page, 'utf8')
    expect(html).toContain('Angular spread of the tables')
    // By layer, then mean, deviation and rank; each wide and narrow.
    expect(html.match(/role="img"/g)!.length).toBe(2 * (2 + 3))
  })
})

test('stem inspect neighbours names the nearest rows by their text', async () => {
  interface Found {
    readonly tokens: {
      text: string
      layers: { layer: number; nearest: { id: number; text: string; cosine: number }[] }[]
    }[]
  }
  const page = join(folder, 'neighbours.html')
  const found: Found = await json('neighbours', stem, '--token', 'a', '--id', '94', '--count', '3', '--html', page)
  expect(found.tokens.map(({ text: name }) => name)).toEqual(['a', '·'])
  for (const { layers } of found.tokens) {
    expect(layers.map(({ layer, nearest }) => [layer, nearest.length])).toEqual([
      [1, 3],
      [2, 3],
    ])
  }
  const [first] = found.tokens[0]!.layers[0]!.nearest
  expect(String.fromCharCode(33 + first!.id)).toBe(first!.text)
  expect(await readFile(page, 'utf8')).toContain('Nearest rows')
})

describe('stem inspect attribution', () => {
  test('gives what the package computes', async () => {
    interface Found {
      readonly logProbability: number
      readonly effects: { layer: number; token: number; text: string; effect: number; estimate: number }[]
    }
    const page = join(folder, 'why.html')
    const args = ['--prompt', 'times', '--target', 's;', '--replace', 'zero', '--by', 'occurrence', '--html', page]
    const found: Found = await json('attribution', stem, ...args)
    const model = await readModel(stem)
    const ids = (words: string): number[] => Array.from(model.tokenizer!.encode(words))
    const expected = await attribute(model, arrayTables(model, model.weights), {
      engine: await openEngine('compiled', 1),
      prompt: ids('times'),
      target: ids('s;'),
      replacement: 'zero',
      by: 'occurrence',
    })
    expect(found.logProbability).toBeCloseTo(expected.logProbability, 6)
    expect(found.effects).toMatchObject(expected.effects)
    expect(found.effects.slice(0, 6).map(({ text: name }) => name)).toEqual(['t', 'i', 'm', 'e', 's', 's'])
    expect(await readFile(page, 'utf8')).toContain('What a prediction leaned on')
  })

  test("explains the model's first choice where no target is given", async () => {
    const found: { target: string; chosen: boolean; logProbability: number } = await json(
      'attribution',
      stem,
      '--prompt',
      'times',
    )
    const model = await readModel(stem)
    expect(found.chosen).toBe(true)
    for (const other of ['a', 'b', '!']) {
      if (other === found.target) continue
      const { logProbability }: typeof found = await json('attribution', stem, '--prompt', 'times', '--target', other)
      expect(logProbability).toBeLessThan(found.logProbability)
    }
    expect(found.logProbability).toBeGreaterThan(-Math.log(model.config.vocabSize))
  })
})

test('stem inspect capacity counts in texts', async () => {
  interface Found {
    readonly lengths: number[]
    readonly texts: number[]
    readonly distinctTokens: number[]
    readonly curves: { kind: string; active: number[]; total: number }[]
  }
  const page = join(folder, 'capacity.html')
  const found: Found = await json('capacity', stem, '--text', text, '--experts', '4', '--html', page)
  const content = await readFile(text, 'utf8')
  expect(found.lengths.at(-1)).toBe(content.length)
  expect(found.distinctTokens.at(-1)).toBe(new Set(content).size)
  expect(found.curves.map(({ kind }) => kind)).toEqual(['stem', 'product-key memory', 'hash_moe', 'dense'])
  expect(await readFile(page, 'utf8')).toContain('Capacity with length')
})

describe('what cannot be inspected is refused in one line', () => {
  const refused = async (args: string[], words: string) => {
    const { code, stderr } = await runCommand(inspectCommand(), args)
    expect(code).toBe(2)
    expect(stderr).toContain(words)
    expect(stderr.trimEnd().split('\n').length).toBe(1)
  }

  test('a model without tables, a compared one with tables', async () => {
    await refused(['spread', dense], 'a model with tables of one size is needed')
    await refused(['spread', stem, '--dense', stem, '--text', text], 'a dense model is needed to compare with')
  })

  test('no token, an empty prompt', async () => {
    await refused(['neighbours', stem], 'name a token by --token or --id')
    await refused(['neighbours', stem, '--id', '96'], 'row 96 is not one of 0..95')
    await refused(['attribution', stem, '--prompt', ''], 'the prompt has no tokens')
  })
})
