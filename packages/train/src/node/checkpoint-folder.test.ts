import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromFloat32 } from '@stemkit/weights'
import { saveSafetensors } from '@stemkit/weights/node'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunState } from '../checkpoint.ts'
import { train, type TrainOptions } from '../loop.ts'
import { constant } from '../schedule.ts'
import { bigramTrainer } from '../testing/bigram-trainer.ts'
import { markovLoader, random } from '../testing/markov-loader.ts'
import { copyState } from '../testing/memory-checkpoints.ts'
import { checkpointFolder } from './checkpoint-folder.ts'
import { latestCheckpoint, loadCheckpoint } from './load-checkpoint.ts'

const V = 8
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stemkit-checkpoints-'))
})
afterEach(() => rm(dir, { recursive: true }))

const fresh = (vocabSize = V) => ({
  trainer: bigramTrainer(vocabSize),
  loader: markovLoader(vocabSize),
  schedule: constant(0.1),
})

async function run(options: TrainOptions): Promise<void> {
  for await (const step of train(options)) expect(step.loss).toBeLessThan(10)
}

/** Trains `steps` steps, saving each, and gives the newest checkpoint's path. */
async function saved(steps: number, { keep = 10, files = [] as string[] } = {}): Promise<string> {
  await run({ ...fresh(), steps, checkpoint: { every: 1, writer: checkpointFolder({ dir, keep, files }) } })
  return (await latestCheckpoint(dir))!
}

const json = async (path: string) => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>

describe('a checkpoint', () => {
  test('holds weights, both moments, positions, totals and configuration, bit for bit', async () => {
    const { trainer, loader, schedule } = fresh()
    const rng = random(5)
    rng.next()
    await run({ trainer, loader, schedule, rng, steps: 7, checkpoint: { every: 7, writer: checkpointFolder({ dir }) } })
    const state = await loadCheckpoint(join(dir, 'step-00000007'), { trainer })
    expect(state).toEqual({
      config: trainer.config,
      trainer: copyState(trainer.state()),
      loader: loader.state(),
      rng: rng.state(),
      tokens: 7 * 64,
      seconds: state.seconds,
    } satisfies RunState)
    expect(state.trainer.steps).toBe(7)
    expect(state.seconds).toBeGreaterThan(0)
  })

  test('is a model folder with the optimiser beside it, and the files asked for', async () => {
    await mkdir(join(dir, 'from'))
    await writeFile(join(dir, 'from', 'tokenizer.json'), '{"model":{}}')
    const path = await saved(1, { files: [join(dir, 'from', 'tokenizer.json')] })
    expect((await readdir(path)).toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
      'tokenizer.json',
    ])
    expect(await json(join(path, 'tokenizer.json'))).toEqual({ model: {} })
  })

  test('keeps the newest few', async () => {
    await saved(5, { keep: 2 })
    expect((await readdir(dir)).toSorted()).toEqual(['step-00000004', 'step-00000005'])
  })

  test('clears away what a killed process left half written, and nothing else', async () => {
    await mkdir(join(dir, 'step-00000003.partial'))
    await mkdir(join(dir, 'mine.partial'))
    await saved(1)
    expect((await readdir(dir)).toSorted()).toEqual(['mine.partial', 'step-00000001'])
  })

  test('of another run is never overwritten: a fresh run into its folder is refused at once', async () => {
    await saved(3)
    await expect(saved(5)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/holds step-0000000\d, but this run starts at step 0/),
    })
    expect(await readdir(dir)).toHaveLength(3)
  })

  test('with a loader whose state is not JSON is refused, nothing is left behind', async () => {
    const { trainer, schedule, loader } = fresh()
    const writer = checkpointFolder({ dir })
    const strange = { ...loader, state: () => ({ order: new Uint32Array(3) }) }
    await expect(
      run({ trainer, schedule, loader: strange, steps: 1, checkpoint: { every: 1, writer } }),
    ).rejects.toMatchObject({ code: 'bad-input' })
    expect(await readdir(dir)).toEqual([])
  })

  test('with a file to copy that is missing fails by name, nothing is left behind', async () => {
    await expect(saved(1, { files: [join(dir, 'tokenizer.json')] })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('tokenizer.json'),
    })
    expect(await readdir(dir)).toEqual([])
  })

  test('refuses to keep none', () => {
    expect(() => checkpointFolder({ dir, keep: 0 })).toThrow(expect.objectContaining({ code: 'bad-input' }))
  })
})

describe('latestCheckpoint', () => {
  test('is undefined where there is none, or no folder', async () => {
    expect(await latestCheckpoint(dir)).toBe(undefined)
    expect(await latestCheckpoint(join(dir, 'nowhere'))).toBe(undefined)
  })

  test('goes by the number of steps, not by name', async () => {
    const path = await saved(1)
    await cp(path, join(dir, 'step-99999999'), { recursive: true })
    await cp(path, join(dir, 'step-100000000'), { recursive: true })
    expect(await latestCheckpoint(dir)).toBe(join(dir, 'step-100000000'))
  })

  test.each(['config.json', 'model.safetensors', 'optimizer.safetensors', 'state.json'])(
    'passes over a folder whose %s is torn or missing',
    async (file) => {
      const newest = await saved(3)
      await truncate(join(newest, file), 9)
      expect(await latestCheckpoint(dir)).toBe(join(dir, 'step-00000002'))
      await rm(join(dir, 'step-00000002', file))
      expect(await latestCheckpoint(dir)).toBe(join(dir, 'step-00000001'))
    },
  )
})

describe('loadCheckpoint', () => {
  test('names a missing checkpoint', async () => {
    const path = join(dir, 'step-00000001')
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(path),
    })
  })

  test('refuses another format version', async () => {
    const path = await saved(1)
    await writeFile(join(path, 'state.json'), JSON.stringify({ ...(await json(join(path, 'state.json'))), format: 99 }))
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('99'),
    })
  })

  test.each(['null', '[]', '{"format": 1}'])('refuses a state.json that is %s', async (text) => {
    const path = await saved(1)
    await writeFile(join(path, 'state.json'), text)
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('state.json'),
    })
  })

  test('refuses a configuration that was changed afterwards', async () => {
    const path = await saved(1)
    await writeFile(
      join(path, 'config.json'),
      JSON.stringify({ ...(await json(join(path, 'config.json'))), rope_theta: 5 }),
    )
    await expect(loadCheckpoint(path)).rejects.toMatchObject({ code: 'corrupt' })
  })

  test.each(['config.json', 'model.safetensors', 'optimizer.safetensors', 'state.json'])(
    'refuses a torn %s by name',
    async (file) => {
      const path = await saved(1)
      await truncate(join(path, file), 9)
      await expect(loadCheckpoint(path)).rejects.toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(file),
      })
    },
  )

  test('refuses moments of other weights', async () => {
    const path = await saved(1)
    await cp(join(path, 'model.safetensors'), join(path, 'optimizer.safetensors'))
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('first.model.bias is missing'),
    })
  })

  test('refuses weights that are not float32', async () => {
    const path = await saved(1)
    const halves = fromFloat32(new Float32Array(4), [4], 'F16')
    await saveSafetensors(join(path, 'model.safetensors'), new Map([['model.bias', halves]]))
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('model.bias is F16'),
    })
  })

  test('refuses a checkpoint of another model, naming the first difference', async () => {
    const path = await saved(1)
    const other = { code: 'bad-input', message: expect.stringContaining('its model has dim 8, this one 16') }
    await expect(loadCheckpoint(path, { trainer: bigramTrainer(16) })).rejects.toMatchObject(other)
    const resume = await loadCheckpoint(path)
    expect(() => train({ ...fresh(16), steps: 3, resume })).toThrow(expect.objectContaining(other))
  })

  test('refuses weights that are missing, unknown or of another shape', async () => {
    const resume = await loadCheckpoint(await saved(1))
    const table = resume.trainer.weights.get('model.table.weight')!
    const bias = resume.trainer.weights.get('model.bias')!
    const cases: [string, [string, typeof bias][]][] = [
      ['model.bias is missing', [['model.table.weight', table]]],
      [
        'model.bias has shape [2,4], not [8]',
        [
          ['model.table.weight', table],
          ['model.bias', { ...bias, shape: [2, 4] }],
        ],
      ],
      [
        'extra is unknown',
        [
          ['model.table.weight', table],
          ['model.bias', bias],
          ['extra', bias],
        ],
      ],
    ]
    for (const [message, entries] of cases) {
      const changed = { ...resume, trainer: { ...resume.trainer, weights: new Map(entries) } }
      expect(() => train({ ...fresh(), steps: 3, resume: changed })).toThrow(
        expect.objectContaining({ code: 'bad-input', message: expect.stringContaining(message) }),
      )
    }
  })

  test('can be aborted', async () => {
    const path = await saved(1)
    const stop = new Error('stop')
    await expect(loadCheckpoint(path, { signal: AbortSignal.abort(stop) })).rejects.toBe(stop)
  })
})
