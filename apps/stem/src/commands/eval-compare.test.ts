import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComparedMetric } from '@stemkit/eval'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeEvalFolder } from '../eval/testing/eval-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { evalCommand } from './eval.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-compare-'))
  await writeEvalFolder(dir)
  // Models of run folders of stem train.
  for (const [run, kind, flops] of [
    ['stem', 'stem', 2e12],
    ['dense', 'dense', 3e12],
  ] as const) {
    await writeTinyModel(at(`${run}/model`), { kind, maxLength: 512 })
    const metrics = [1, 2].map((step) => JSON.stringify({ ...METRICS, index: step - 1, flops: (flops * step) / 2 }))
    await writeFile(at(`${run}/metrics.jsonl`), `${metrics.join('\n')}\n`)
    expect(await evaluate(`${run}/model`, '--out', at(`${run}-eval`))).toMatchObject({ code: 0 })
  }
  expect(await evaluate('model', '--out', at('other-eval'))).toMatchObject({ code: 0 })
})
afterAll(() => rm(dir, { recursive: true }))

const METRICS = {
  loss: 1,
  lr: 0.1,
  gradNorm: 1,
  tokens: 8,
  seconds: 1,
  tokensPerSecond: 8,
  totalTokens: 8,
  totalSeconds: 1,
}
const at = (name: string): string => join(dir, name)
const command = (...args: string[]): Promise<Outcome> => runCommand(evalCommand(), args)
const evaluate = (model: string, ...args: string[]) =>
  command(
    at(model),
    '--tasks',
    'capitals',
    '--data',
    at('data'),
    '--include-path',
    at('tasks'),
    '--threads',
    '1',
    ...args,
  )

describe('stem eval compare', () => {
  test('prints paired differences with intervals', async () => {
    const { code, stdout } = await command('compare', at('dense-eval'), at('stem-eval'), '--rounds', '500')
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^task +metric +n +first +second +difference +95% interval +better +worse +p\ncapitals +acc +20 /,
    )
    expect(stdout).toMatch(/^capitals +acc_norm +20 .* to /m)
  })

  test('gives the same as JSON and as a page; --compare is another way to say it', async () => {
    const runs = [at('dense-eval'), at('stem-eval')]
    const compared = await command('compare', ...runs, '--json', '--html', at('compared.html'))
    const data = JSON.parse(compared.stdout) as { metrics: ComparedMetric[] }
    expect(data).toMatchObject({ first: runs[0], second: runs[1], unmatched: [] })
    expect(data.metrics.map(({ task, metric, count }) => [task, metric, count])).toEqual([
      ['capitals', 'acc', 20],
      ['capitals', 'acc_norm', 20],
    ])
    const { interval, difference } = data.metrics[0]!
    expect(interval[0]).toBeLessThanOrEqual(difference)
    expect(interval[1]).toBeGreaterThanOrEqual(difference)
    expect(await readFile(at('compared.html'), 'utf8')).toContain('Two runs compared')
    expect((await command('--compare', ...runs, '--json')).stdout).toBe(compared.stdout)
  })

  test('of a run with itself finds no difference', async () => {
    const { stdout } = await command('compare', at('stem-eval'), at('stem-eval'), '--json')
    const { metrics } = JSON.parse(stdout) as { metrics: { difference: number; interval: number[]; pValue: number }[] }
    for (const { difference, interval, pValue } of metrics) {
      expect({ difference, interval, pValue }).toEqual({ difference: 0, interval: [0, 0], pValue: 1 })
    }
  })

  test('reads the files of lm-evaluation-harness, the newest of a folder', async () => {
    await cp(at('dense-eval'), at('harness/some__model'), { recursive: true })
    const date = '2026-08-21T10-11-12.131415'
    for (const [from, to] of [
      ['results.json', `results_${date}.json`],
      ['samples_capitals.jsonl', `samples_capitals_${date}.jsonl`],
    ] as const) {
      await rename(at(`harness/some__model/${from}`), at(`harness/some__model/${to}`))
    }
    await writeFile(at('harness/some__model/results_2025-01-01T00-00-00.000000.json'), '{}')
    const { stdout } = await command('compare', at('harness'), at('dense-eval'), '--json')
    expect(JSON.parse(stdout)).toMatchObject({ metrics: [{ difference: 0 }, { difference: 0 }] })
  })

  test('says what cannot be compared', async () => {
    await evaluate('model', '--limit', '3', '--out', at('short-eval'))
    await evaluate('model', '--limit', '3', '--no-log-samples', '--out', at('silent-eval'))
    const failed = async (...args: string[]) => {
      const { code, stdout, stderr } = await command(...args)
      expect([stdout, stderr.trim().split('\n').length]).toEqual(['', 1])
      return `${code} ${stderr}`
    }
    expect(await failed('compare', at('short-eval'), at('other-eval'))).toMatch(
      /^2 error: capitals: document 3 .* only; evaluate both on the same documents/,
    )
    expect(await failed('compare', at('silent-eval'), at('other-eval'))).toMatch(
      /^1 error: .*samples_capitals.jsonl is not there/,
    )
    expect(await failed('compare', at('data'), at('other-eval'))).toMatch(/^1 error: .* has no results.json/)
    expect(await failed('compare', at('nothing'), at('other-eval'))).toMatch(
      /^1 error: the run .*nothing cannot be read/,
    )
    expect(await failed('--compare', at('stem-eval'))).toMatch(/^2 error: eval: --compare takes two folders of runs/)
  })
})

describe('stem eval compute', () => {
  test('sets accuracy against the compute of the training', async () => {
    const runs = [at('dense-eval'), at('stem-eval')]
    const { stdout } = await command('compute', ...runs, '--json', '--html', at('compute.html'))
    const found = JSON.parse(stdout) as {
      tasks: string[]
      runs: {
        flops: number
        accuracy: number
        chance: number
        perExaflop: number
        accuracyPerExaflop: number
        accuracyRelative: number
      }[]
    }
    expect(found.tasks).toEqual(['capitals'])
    expect(found.runs.map(({ flops, chance }) => [flops, chance])).toEqual([
      [3e12, 0.25],
      [2e12, 0.25],
    ])
    const [dense, stem] = found.runs
    expect(stem!.accuracyPerExaflop).toBeCloseTo(stem!.accuracy / 2e-6, 3)
    expect(stem!.perExaflop).toBeCloseTo((stem!.accuracy - 0.25) / 2e-6, 3)
    expect(stem!.accuracyRelative).toBeCloseTo(stem!.accuracy / 2 / (dense!.accuracy / 3), 6)
    expect(await readFile(at('compute.html'), 'utf8')).toContain('Return on compute')
    const printed = await command('compute', ...runs, '--baseline', runs[1]!)
    expect(printed.stdout).toMatch(
      /^run +training FLOPs .*\n.*dense-eval +3\.000e\+12 .*\n.*stem-eval +2\.000e\+12 .*1\.00×/,
    )
  })

  test('says that it does not know what a training took', async () => {
    const { code, stderr } = await command('compute', at('other-eval'))
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^error: .*other-eval does not say what the training of its model took; evaluate [^\n]*\n$/,
      ),
    })
  })
})
