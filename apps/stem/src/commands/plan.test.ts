import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Plan } from '../plan/make-plan.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'
import { byteCount } from './byte-option.ts'
import { planCommand } from './plan.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-plan-'))
  await writeTinyRun(dir)
  await writeFile(
    join(dir, 'run.yaml'),
    (await readFile(join(dir, 'run.yaml'), 'utf8')).replace('text.txt', at('text.txt')),
  )
  await writeTinyModel(at('model'))
  await writeTinyModel(at('bare'))
  await rm(at('bare/tokenizer.json'))
  for (const folder of ['model', 'bare']) await rm(at(`${folder}/model.safetensors`))
})
afterAll(() => rm(dir, { recursive: true }))

const at = (name: string): string => join(dir, name)
const plan = (...args: string[]): Promise<Outcome> => runCommand(planCommand(), args)
const planned = async (...args: string[]): Promise<Plan & { measured?: unknown[] }> => {
  const { code, stdout, stderr } = await plan(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Plan & { measured?: unknown[] }
}

describe('stem plan', () => {
  test("plans the run of a config, with the config's text, tokenizer, batch and length", async () => {
    const before = await readdir(dir)
    const { model, batch, length, parameters, rows, costs } = await planned(at('run.yaml'))
    expect(model).toMatchObject({ dim: 16, layers: 2, vocabSize: 300, feedForwards: ['dense', 'stem'] })
    expect({ batch, length }).toEqual({ batch: 2, length: 16 })
    expect(parameters.table).toBe(300 * 32)
    expect(rows!.text.name).toBe(at('text.txt'))
    expect(rows!.training[0]).toMatchObject({ batch: 1, tokens: 16 })
    expect(costs!.layers).toEqual([1])
    expect(await readdir(dir)).toEqual(before)
  })

  test('--set, --batch, --length, --tokens and --budget say otherwise', async () => {
    const flags = ['--set', 'model.dim=32', '--batch', '3', '--length', '8', '--tokens', '400', '--budget', '64KiB']
    const { model, batch, length, rows } = await planned(at('run.yaml'), ...flags)
    expect({ dim: model.dim, batch, length }).toEqual({ dim: 32, batch: 3, length: 8 })
    expect(rows!.training.map((step) => step.batch)).toContain(3)
    expect(rows!.text.tokens).toBeLessThanOrEqual(408)
    expect(rows!.cache.map(({ budget }) => budget)).toEqual([64 * 1024])
    const stored = await planned(at('run.yaml'), '--tokens', '400', '--set', 'store.budget=100KB')
    expect(stored.rows!.cache.map(({ budget }) => budget)).toEqual([100 * 1024])
  })

  test('prints tables for a person, without colours where nobody would see them', async () => {
    const { code, stdout } = await plan(at('run.yaml'), '--budget', '1MiB', '--measure')
    expect(code).toBe(0)
    for (const word of [
      'parameters',
      'bf16',
      'optimiser state',
      'prefill',
      'B 256',
      'cache',
      'measured',
      'MoE',
      'STEM saves',
    ]) {
      expect(stdout).toContain(word)
    }
    expect(stdout).not.toContain('\u001B')
    expect(stdout).not.toMatch(/NaN|undefined|Infinity/)
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(130)
  })

  test('--measure runs the text through a cache and gives the error of each prediction', async () => {
    const { measured } = await planned(at('run.yaml'), '--budget', '32KiB', '--measure')
    expect(measured).toHaveLength(1)
    const [{ predicted, measured: found, error, steps }] = measured as [
      Record<'predicted' | 'measured' | 'error', { rows: number; hitRate: number; bytesRead: number }> & {
        steps: number
      },
    ]
    expect(steps).toBeGreaterThan(100)
    expect(Math.abs(error.rows)).toBeLessThan(0.02)
    expect(error.hitRate).toBe(predicted.hitRate - found.hitRate)
    expect(Math.abs(error.hitRate)).toBeLessThan(0.01)
  })

  test('plans a model folder or its config.json; weights are not looked at', async () => {
    const flags = ['--text', at('text.txt'), '--batch', '4']
    const folder = await planned(at('model'), ...flags)
    expect(folder.length).toBe(48)
    expect(folder.rows!.text.distinct).toBeLessThan(40)
    expect(await planned(at('model/config.json'), ...flags)).toEqual(folder)
  })

  test('without a tokenizer it says what does not depend on one; --tokenizer names another', async () => {
    const bare = await planned(at('bare'))
    expect(bare.parameters.table).toBeGreaterThan(0)
    expect(bare.rows).toBeUndefined()
    const given = await planned(at('bare'), '--tokenizer', at('model'), '--text', at('text.txt'))
    expect(given.rows!.text.tokens).toBeGreaterThan(1000)
  })

  test.each([
    [['none.yaml'], 1, /none\.yaml: there is no such file/],
    [['run.yaml', '--batch', '100000'], 2, /a batch of 100000 sequences, of which the text has \d+/],
    [['run.yaml', '--set', 'model.heads=3'], 2, /headDim/],
    [['run.yaml', '--set', 'model.kind=stme'], 2, /did you mean stem\?/],
    [['model', '--tokenizer', 'none'], 1, /There is no tokenizer at .*none/],
    [['run.yaml', '--budget', 'lots'], 2, /It must be an amount of memory, as in 512MiB or 2G\./],
    [['run.yaml', '--length', '1000000'], 2, /do not fill a sequence of 1000000/],
  ])('refuses %j in one line', async ([file, ...flags], code, line) => {
    const named = flags.map((flag) => (flag === 'none' ? at('none') : flag))
    const outcome = await plan(at(file!), ...named)
    expect(outcome).toMatchObject({ code, stdout: '' })
    expect(outcome.stderr).toMatch(line)
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1)
  })
})

test('amounts of memory', () => {
  expect(['8192', '1k', '1.5KiB', '2 MB', '1G', '3tib', '7B'].map(byteCount)).toEqual([
    8192,
    1024,
    1536,
    2 * 1024 ** 2,
    1024 ** 3,
    3 * 1024 ** 4,
    7,
  ])
  for (const wrong of ['', 'k', '-1', '0', '1kk', 'NaN']) expect(() => byteCount(wrong)).toThrow('amount of memory')
})
