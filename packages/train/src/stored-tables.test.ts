import '@tensorflow/tfjs-backend-cpu'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createLoader, packDocuments, type PackedDataset } from '@stemkit/data'
import { createModelConfig, tableRowInitializer } from '@stemkit/model'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { createRowTable, memoryRows, openRowTable, recordBytes, type RowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CheckpointWriter, RunState } from './checkpoint.ts'
import { createTrainer } from './create-trainer.ts'
import type { ModelTrainer, TrainerOptions } from './trainer-options.ts'
import { checkpointFolder, latestCheckpoint, loadCheckpoint, spawnWorker } from './node.ts'
import { train, type TrainOptions } from './loop.ts'
import { constant } from './schedule.ts'

const VOCABULARY = 120
const config = createModelConfig({
  dim: 16,
  layers: 3,
  heads: 2,
  ffnHidden: 24,
  vocabSize: VOCABULARY,
  maxLength: 8,
  kind: 'stem',
})
const layout = { layers: 2, width: 24, dtype: 'f32', state: 'adam' } as const
const STEPS = 12
const engine = compiledEngine(nodeRuntime(), { threads: 1 })

/** Tokens as unequal as words are. */
function text(): PackedDataset {
  const documents = Array.from({ length: 40 }, (_, d) =>
    Array.from({ length: 50 }, (_token, i) => {
      const u = ((Math.imul(d * 50 + i + 1, 2654435761) >>> 0) / 2 ** 32) ** 3
      return Math.floor(u * (VOCABULARY - 1))
    }),
  )
  return packDocuments(documents, { length: 8, endOfText: VOCABULARY - 1 })
}
const loader = () => createLoader({ sequences: text(), batchSize: 3, seed: 1 })

/** A table whose rows are those of a new model with seed 3. */
function newTable(driver: RowDriver): Promise<RowTable> {
  const initial = tableRowInitializer(config, { seed: 3 })
  return createRowTable({
    driver,
    layout,
    rows: VOCABULARY,
    fill: (ids, into) => {
      const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
      ids.forEach((id, i) => initial.fill(id, floats.subarray(i * 3 * 48, i * 3 * 48 + 48)))
    },
  })
}

const open = (options: Partial<TrainerOptions> = {}): Promise<ModelTrainer> =>
  createTrainer({ config, weights: { seed: 3 }, batch: { size: 3, length: 8 }, engine, accumulate: 2, ...options })

async function losses(trainer: ModelTrainer, options: Partial<TrainOptions> = {}): Promise<number[]> {
  const run = { trainer, loader: loader(), schedule: constant(3e-2), steps: STEPS, ...options }
  const steps = train({ ...run, flopsPerToken: 1, peakFlops: 1 } as TrainOptions)
  const found: number[] = []
  for await (const step of steps) found.push(step.loss, step.gradNorm)
  return found
}

let dir: string
let resident: { curve: number[]; weights: Map<string, Float32Array> }
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stored-tables-'))
  const trainer = await open()
  resident = {
    curve: await losses(trainer),
    weights: new Map([...trainer.state().weights].map(([name, { data }]) => [name, data.slice()])),
  }
  await trainer.dispose()
})
afterAll(() => rm(dir, { recursive: true }))

const inMemory = (): Promise<RowDriver> =>
  Promise.resolve(memoryRows({ rows: VOCABULARY, rowBytes: recordBytes(layout) }))
let folders = 0
const inFile = (): Promise<RowDriver> =>
  fileRows(join(dir, `rows-${folders++}`), { create: { rows: VOCABULARY, rowBytes: recordBytes(layout) } })

/** Memory for about 45 of 120 rows, and for all. */
const SMALL = 60_000
const LARGE = 4_000_000

describe('training with tables in a store is training with tables in memory, bit for bit', () => {
  test.each([
    ['memory', inMemory, LARGE, 1],
    ['memory', inMemory, SMALL, 0],
    ['memory', inMemory, SMALL, 1],
    ['memory', inMemory, SMALL, 3],
    ['a file', inFile, LARGE, 2],
    ['a file', inFile, SMALL, 1],
  ])('rows in %s: %#', async (_, driver, budget, lookahead) => {
    const table = await newTable(await driver())
    const trainer = await open({ rows: { table, budget }, spawnWorker, threads: 2 })
    expect(await losses(trainer, { lookahead })).toEqual(resident.curve)
    const stats = trainer.rowStats()!
    if (budget === SMALL) expect(stats.cache!.evictions).toBeGreaterThan(0)
    if (budget === SMALL && lookahead > 0) expect(stats.cache!.prefetchUsed).toBeGreaterThan(0)

    const weights = trainer.state().weights
    for (const [name, { data }] of weights) expect(data).toEqual(resident.weights.get(name))
    expect([...resident.weights.keys()].filter((name) => !weights.has(name))).toHaveLength(2)
    await trainer.snapshotRows!()
    const row = new Float32Array(layout.width * layout.layers * 3)
    for (const id of [0, 1, 60, VOCABULARY - 1]) {
      await table.read(Uint32Array.of(id), new Uint8Array(row.buffer))
      for (const layer of [1, 2]) {
        const whole = resident.weights.get(`model.layers.${layer}.mlp.stem_table.weight`)!
        expect(row.subarray((layer - 1) * 24, layer * 24)).toEqual(whole.subarray(id * 24, (id + 1) * 24))
      }
    }
    await trainer.dispose()
  })

  test('with micro-batches', async () => {
    const whole = await open()
    const curve = await losses(whole, { accumulate: 2 })
    await whole.dispose()
    const trainer = await open({ rows: { table: await newTable(await inMemory()), budget: SMALL } })
    expect(await losses(trainer, { accumulate: 2 })).toEqual(curve)
    await trainer.dispose()
  })

  test('evaluated, and asked for logits and gradients', async () => {
    const whole = await open()
    const trainer = await open({ rows: { table: await newTable(await inMemory()), budget: SMALL } })
    const batch = loader().next()
    expect(await trainer.logits(batch)).toEqual(await whole.logits(batch))
    expect(await trainer.losses(batch)).toEqual(await whole.losses(batch))
    expect(await trainer.gradients(batch)).toEqual(await whole.gradients(batch))
    await Promise.all([whole.dispose(), trainer.dispose()])
  })
})

describe('a checkpoint names a version of the rows', () => {
  const openAt = async (path: string, version: number): Promise<RowTable> =>
    openRowTable({ driver: await fileRows(path), mode: 'write', version })

  test('and the run goes on from there as if it had never stopped', async () => {
    const path = join(dir, 'resumed')
    const rows = { rows: VOCABULARY, rowBytes: recordBytes(layout) }
    const table = await newTable(await fileRows(path, { create: rows }))
    const checkpoints = join(dir, 'checkpoints')
    const checkpoint = { every: 3, writer: checkpointFolder({ dir: checkpoints, keep: 2 }) }
    const first = await open({ rows: { table, budget: SMALL } })
    expect(await losses(first, { steps: 7, checkpoint })).toEqual(resident.curve.slice(0, 14))
    // Steps that no checkpoint knows of, whose rows reach the file, are undone.
    await losses(first, { steps: 9, lookahead: 2 })
    expect((await table.versions()).filter(({ kept }) => kept).map(({ note }) => note)).toEqual(['step 6', 'step 7'])
    await first.dispose()

    const saved = await loadCheckpoint((await latestCheckpoint(checkpoints))!)
    expect(saved.rows).toMatchObject({ table: table.id })
    const again = await openAt(path, saved.rows!.version)
    const second = await open({ rows: { table: again, budget: SMALL } })
    expect(await losses(second, { resume: saved, checkpoint })).toEqual(resident.curve.slice(14))
    await second.dispose()
  })

  test('and is refused with rows of another version, of another table or in memory', async () => {
    const saved: RunState[] = []
    const writer: CheckpointWriter = { save: async (state) => void saved.push(structuredClone(state)) }
    const trainer = await open({ rows: { table: await newTable(await inMemory()), budget: LARGE } })
    await losses(trainer, { steps: 2, checkpoint: { every: 1, writer } })
    const resume = (into: ModelTrainer) => () => losses(into, { resume: saved[0]! })
    await expect(resume(trainer)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('version 2'),
    })
    const other = await open({ rows: { table: await newTable(await inMemory()), budget: LARGE } })
    await expect(resume(other)).rejects.toMatchObject({ code: 'conflict' })
    const whole = await open()
    await expect(resume(whole)).rejects.toMatchObject({ code: 'bad-input' })
    await Promise.all([trainer.dispose(), other.dispose(), whole.dispose()])
  })
})

test('tables that do not fit the model are refused, naming what differs', async () => {
  const make = async (other: Partial<typeof layout> | { dtype: 'f16'; state: 'none' }, rows = VOCABULARY) => {
    const mine = { ...layout, ...other }
    const driver = memoryRows({ rows, rowBytes: recordBytes(mine) })
    return { table: await createRowTable({ driver, layout: mine, rows }), budget: LARGE }
  }
  await expect(open({ rows: await make({}, 90) })).rejects.toThrow('the store has 90 rows of width 24')
  await expect(open({ rows: await make({ layers: 3 as 2 }) })).rejects.toThrow('the model has 2 tables')
  await expect(open({ rows: await make({ dtype: 'f16', state: 'none' }) })).rejects.toThrow("with state 'adam'")
  await expect(open({ rows: await make({}), treatment: 'dense' })).rejects.toThrow("the treatment is 'lazy'")
  const few = await open({ rows: { ...(await make({})), budget: 9000 } })
  await expect(losses(few)).rejects.toThrow('budget')
  await few.dispose()
})
