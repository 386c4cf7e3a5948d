import '@tensorflow/tfjs-backend-cpu'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModelConfig } from '@stemkit/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTrainer } from './create-trainer.ts'
import { evaluate } from './evaluate.ts'
import { train } from './loop.ts'
import { checkpointFolder, latestCheckpoint, loadCheckpoint } from './node.ts'
import { constant } from './schedule.ts'
import { markovLoader } from './testing/markov-loader.ts'
import type { ModelTrainer, TrainerOptions } from './trainer-options.ts'

const V = 40
const D_FF = 24
const config = createModelConfig({
  dim: 16,
  layers: 3,
  heads: 2,
  ffnHidden: D_FF,
  vocabSize: V,
  maxLength: 8,
  kind: 'stem',
})
const TABLES = [1, 2].map((layer) => `model.layers.${layer}.mlp.stem_table.weight`)
const engine = compiledEngine(nodeRuntime(), { threads: 1 })
const ADAGRAD = { rows: 'rowwise-adagrad', eps: 1e-6 } as const

const open = (options: Partial<TrainerOptions> = {}): Promise<ModelTrainer> =>
  createTrainer({ config, weights: { seed: 3 }, batch: { size: 4, length: 8 }, engine, optimizer: ADAGRAD, ...options })

const text = (seed = 7) => markovLoader(V, { seed, size: 4, length: 8 })

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'rowwise-adagrad-'))
})
afterAll(() => rm(dir, { recursive: true }))

test.each([
  { clip: null, rowLearningRate: 1 },
  { clip: { norm: 0.1 }, rowLearningRate: 3 },
])('steps are those of row-wise Adagrad in 64 bits: %j', async ({ clip, rowLearningRate }) => {
  const trainer = await open({ optimizer: { ...ADAGRAD, clip, rowLearningRate } })
  const { weights, squares, moments } = trainer.state()
  const loader = text()
  const [rows, sums] = [weights, squares].map((arrays) =>
    TABLES.map((name) => Float64Array.from(arrays.get(name)!.data)),
  )
  for (let step = 0; step < 5; step++) {
    const batch = await loader.next()
    const { gradients } = await trainer.gradients(batch)
    const { gradNorm } = await trainer.step([batch], 1e-2)
    const scale = clip ? Math.min(1, clip.norm / (gradNorm + 1e-6)) : 1
    for (const [t, name] of TABLES.entries()) {
      for (const id of new Set(batch.inputIds)) {
        const gradient = gradients.get(name)!.data.subarray(id * D_FF, (id + 1) * D_FF)
        sums![t]![id]! += gradient.reduce((sum, g) => sum + (scale * g) ** 2, 0) / D_FF
        const rate = (1e-2 * rowLearningRate * scale) / (Math.sqrt(sums![t]![id]!) + ADAGRAD.eps)
        gradient.forEach((g, i) => (rows![t]![id * D_FF + i]! -= rate * g))
      }
    }
  }
  for (const [t, name] of TABLES.entries()) {
    expect(squares.get(name)!.shape).toEqual([V])
    expect(moments.has(name)).toBe(false)
    squares
      .get(name)!
      .data.forEach((sum, id) => expect(Math.abs(sum / (sums![t]![id]! || 1) - 1) * sum).toBeLessThan(1e-6))
    weights.get(name)!.data.forEach((value, i) => expect(Math.abs(value - rows![t]![i]!)).toBeLessThan(1e-6))
  }
  await trainer.dispose()
})

/** Trains to `steps`, from the newest checkpoint if there is one; the losses. */
async function run(steps: number, folder: string, options: Partial<TrainerOptions> = {}): Promise<number[]> {
  const trainer = await open(options)
  const latest = await latestCheckpoint(folder)
  const losses: number[] = []
  const taken = train({
    trainer,
    loader: text(),
    schedule: constant(1e-2),
    steps,
    checkpoint: { every: 4, writer: checkpointFolder({ dir: folder }) },
    ...(latest ? { resume: await loadCheckpoint(latest, { trainer }) } : {}),
    flopsPerToken: 1,
    peakFlops: 1,
  })
  for await (const { loss } of taken) losses.push(loss)
  await trainer.dispose()
  return losses
}

test('a run goes on from a checkpoint as if it had never stopped', async () => {
  const whole = await run(9, join(dir, 'whole'))
  const parts = [...(await run(4, join(dir, 'parts'))), ...(await run(9, join(dir, 'parts')))]
  expect(parts).toEqual(whole)
})

test('a checkpoint of the other optimiser is refused, naming a table', async () => {
  await run(1, join(dir, 'adagrad'))
  await expect(run(2, join(dir, 'adagrad'), { optimizer: { rows: 'adamw' } })).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining(`among its moments, ${TABLES[0]} is missing`),
  })
  await run(1, join(dir, 'adamw'), { optimizer: { rows: 'adamw' } })
  await expect(run(2, join(dir, 'adamw'))).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining(`among its moments, ${TABLES[0]} is unknown`),
  })
})

test('tables that are trained as a whole have no rows to train with it', async () => {
  await expect(open({ treatment: 'dense' })).rejects.toThrow("rowwise-adagrad needs the treatment 'lazy', not 'dense'")
})

test('tables learn with it while all else stays as it began', async () => {
  const trainer = await open()
  const { weights } = trainer.state()
  const backbone = [...weights].filter(([name]) => !TABLES.includes(name)).map(([, { data }]) => [data, data.slice()])
  const unseen = text(8)
  const heldOut = await Promise.all(Array.from({ length: 20 }, () => unseen.next()))
  const loader = text()
  const before = (await evaluate(trainer, heldOut)).loss
  for (let step = 0; step < 300; step++) {
    await trainer.step([await loader.next()], 0.1)
    for (const [data, initial] of backbone) data!.set(initial!)
  }
  const after = (await evaluate(trainer, heldOut)).loss
  // Knowing nothing costs log 40 = 3.69 nats; a random backbone knows less.
  expect(before).toBeGreaterThan(4)
  expect(after).toBeLessThan(3.4)
  await trainer.dispose()
})
