import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { collect } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import type { TrainStep } from '@stemkit/train'
import { latestCheckpoint, loadCheckpoint, readMetrics } from '@stemkit/train/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadRunConfig } from '../config/load.ts'
import { startStem, stem, type Ended } from '../testing/stem-process.ts'
import { TINY_STEPS, writeTinyRun } from '../testing/tiny-run.ts'

/** For a process on a machine that does other things too. */
const MINUTES = 60_000 * 3
const KILLS = 3

let dir: string
let alone: Ended

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-train-'))
  await writeTinyRun(dir)
  alone = await train('alone', '--json')
}, MINUTES)
afterAll(() => rm(dir, { recursive: true }))

const train = (run: string, ...args: string[]): Promise<Ended> =>
  stem(['train', 'run.yaml', '--run', run, ...args], dir)
const checkpointsOf = (run: string): string => join(dir, run, 'checkpoints')
const modelBytes = (run: string): Promise<Buffer> => readFile(join(dir, run, 'model', 'model.safetensors'))

/** What does not depend on the clock. */
const curveOf = async (run: string): Promise<Partial<TrainStep>[]> =>
  (await readMetrics(join(dir, run, 'metrics.jsonl'))).map(
    ({ index, loss, lr, gradNorm, totalTokens, evaluation }) => ({
      index,
      loss,
      lr,
      gradNorm,
      totalTokens,
      ...(evaluation ? { evaluation } : {}),
    }),
  )

/** Starts a run and sends it a signal some milliseconds after its metrics have so many steps. */
async function trainUntil(
  run: string,
  steps: number,
  signal: NodeJS.Signals,
  delay: number,
  ...args: string[]
): Promise<Ended> {
  const started = startStem(['train', 'run.yaml', '--run', run, ...args], dir)
  const metrics = join(dir, run, 'metrics.jsonl')
  const taken = async (): Promise<number> => (await readMetrics(metrics).catch(() => [])).length
  while (started.process.exitCode === null && (await taken()) < steps) await setTimeout(3)
  await setTimeout(delay)
  started.process.kill(signal)
  return started.ended
}

describe('stem train', () => {
  test('prints the results, as JSON where asked', () => {
    expect(alone).toMatchObject({ code: 0, stderr: expect.stringMatching(/^next: .* generate alone\/model --prompt/) })
    const result = JSON.parse(alone.stdout) as Record<string, number>
    expect(result).toMatchObject({
      label: 'training',
      steps: TINY_STEPS,
      tokens: TINY_STEPS * 32,
      modelFolder: 'alone/model',
      report: 'alone/report.html',
    })
    expect(result['heldOut']).toBeLessThan(Math.log(300))
    expect(result['bigram']).toBeGreaterThan(0)
    expect(result['flops']).toBe(result['flopsPerToken']! * result['tokens']!)
  })

  test('leaves a folder with everything about the run', async () => {
    expect((await readdir(join(dir, 'alone'))).toSorted()).toEqual([
      'checkpoints',
      'config.yaml',
      'lock',
      'metrics.jsonl',
      'model',
      'report.html',
      'tokenizer.json',
    ])
    expect(await loadRunConfig(join(dir, 'alone', 'config.yaml'))).toEqual(await loadRunConfig(join(dir, 'run.yaml')))
    expect((await readdir(checkpointsOf('alone'))).toSorted()).toEqual(['step-00000039', 'step-00000040'])
    const curve = await curveOf('alone')
    expect(curve.map(({ index }) => index)).toEqual(Array.from({ length: TINY_STEPS }, (_, index) => index))
    expect(curve.filter(({ evaluation }) => evaluation).map(({ index }) => index)).toEqual([9, 19, 29, 39])
    expect(curve.at(-1)!.loss!).toBeLessThan(curve[0]!.loss! - 1)
  })

  test('leaves a model that continues a text', async () => {
    const model = await loadModel(join(dir, 'alone', 'model'))
    const { text, tokens } = await collect(model.generate('the', { maxTokens: 8, temperature: 0 }))
    expect(tokens.length).toBeGreaterThan(0)
    expect(text).toMatch(/^[\w .\n]+$/)
    await model.dispose()
  })

  test('leaves a report that loads nothing from anywhere', async () => {
    const html = await readFile(join(dir, 'alone', 'report.html'), 'utf8')
    expect(html).toMatch(/<svg[\s\S]*held out/)
    expect(html).toContain('&quot;We must&quot;')
    expect(html.match(/<(link|script|img|iframe)[^>]+(src|href)|@import|url\((?!#)|fetch\(|XMLHttpRequest/i)).toBe(null)
  })

  test(
    'gives the same curve and the same weights again',
    async () => {
      expect(await train('again')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^held-out loss \d\.\d/) })
      expect(await curveOf('again')).toEqual(await curveOf('alone'))
      expect((await modelBytes('again')).equals(await modelBytes('alone'))).toBe(true)
    },
    MINUTES,
  )

  test(
    'killed at random steps and resumed, it ends with the weights and the curve of a run left alone',
    async () => {
      let [from, kills] = [0, 0]
      while (kills < KILLS) {
        const until = from + 1 + Math.floor(Math.random() * 6)
        const delay = Math.random() * 12
        const { signal, stderr } = await trainUntil(
          'killed',
          until,
          'SIGKILL',
          delay,
          ...(from > 0 ? ['--resume'] : []),
        )
        if (signal === null) break
        expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' })
        kills++
        const latest = await latestCheckpoint(checkpointsOf('killed'))
        from = latest ? (await loadCheckpoint(latest)).trainer.steps : 0
      }
      // Where a busy machine lets the run end first, fewer have to do.
      expect(kills).toBeGreaterThan(0)
      expect(await train('killed', ...(from > 0 ? ['--resume'] : []))).toMatchObject({ code: 0 })
      expect(await curveOf('killed')).toEqual(await curveOf('alone'))
      expect((await modelBytes('killed')).equals(await modelBytes('alone'))).toBe(true)
    },
    MINUTES,
  )

  test(
    'saves on Ctrl-C, exits with 130, and goes on from there',
    async () => {
      const stopped = await trainUntil('stopped', 5, 'SIGINT', 0)
      const latest = await latestCheckpoint(checkpointsOf('stopped'))
      expect(stopped).toMatchObject({
        code: 130,
        stdout: '',
        stderr: `interrupted; saved in ${latest!.slice(dir.length + 1)}. The same command with --resume goes on from there\n`,
      })
      const { trainer } = await loadCheckpoint(latest!)
      expect((await curveOf('stopped')).length).toBe(trainer.steps)
      expect(await train('stopped', '--resume')).toMatchObject({ code: 0 })
      expect(await curveOf('stopped')).toEqual(await curveOf('alone'))
      expect((await modelBytes('stopped')).equals(await modelBytes('alone'))).toBe(true)
    },
    MINUTES,
  )

  test(
    'stops where the loss is no longer a number, and keeps the last good checkpoint',
    async () => {
      await train('wild', '--set', 'training.steps=6')
      const kept = join(checkpointsOf('wild'), 'step-00000006')
      const before = await readFile(join(kept, 'model.safetensors'))
      const wild = [
        'training.learningRate=1e6',
        'training.clip=null',
        'training.warmup=0',
        'training.schedule=constant',
      ]
      const { code, stdout, stderr } = await train(
        'wild',
        '--resume',
        ...[...wild, 'checkpoint.every=50'].flatMap((set) => ['--set', set]),
      )
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(
        /^error: step \d+: .+ at learning rate 1000000; the last saved checkpoint is untouched, .+ resume from it\n$/,
      )
      expect(await readdir(checkpointsOf('wild'))).toContain('step-00000006')
      expect(await latestCheckpoint(checkpointsOf('wild'))).toBe(kept)
      expect((await readFile(join(kept, 'model.safetensors'))).equals(before)).toBe(true)
    },
    MINUTES,
  )

  test(
    'learns one batch by heart as a self-check, and writes nothing',
    async () => {
      const check = ['--overfit-one-batch', '--set', 'training.batchSize=1', '--set', 'training.steps=200']
      const passed = await train('nothing', ...check)
      expect(passed).toMatchObject({ code: 0, stderr: '' })
      expect(passed.stdout).toMatch(/^learnt: loss \d\.\d{3} -> 0\.0\d\d in \d+ steps on one batch\n$/)
      const failed = await train('nothing', ...check, '--set', 'training.learningRate=1e-6', '--json')
      expect(failed.code).toBe(1)
      expect(JSON.parse(failed.stdout)).toMatchObject({ passed: false, steps: 200 })
      expect(await readdir(dir)).not.toContain('nothing')
    },
    MINUTES,
  )
})
