import '@tensorflow/tfjs-backend-cpu'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createLoader, packDocuments, type PackedDataset } from '@stemkit/data'
import { createModelConfig, tableRowInitializer } from '@stemkit/model'
import type { RowDriver } from '@stemkit/spec/row-driver'
import {
  createRowTable,
  memoryRows,
  openRowTable,
  payloadBytes,
  recordBytes,
  type RowLayout,
  type RowTable,
} from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CheckpointWriter, RunState } from './checkpoint.ts'
import { createTrainer } from './create-trainer.ts'
import type { ModelTrainer, TrainerOptions } from './trainer-options.ts'
import { checkpointFolder, latestCheckpoint, loadCheckpoint, spawnWorker } from './node.ts'
import { train, type TrainOptions } from './loop.ts'
import { ROW_OPTIMIZERS, rowStateOf, type RowOptimizer } from './rows/row-optimizer.ts'
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

const layoutOf = (optimizer: RowOptimizer) =>
  ({ layers: 2, width: 24, dtype: 'f32', state: rowStateOf(optimizer) }) as const satisfies RowLayout

/** A table whose rows are those of a new model with seed 3. */
function newTable(driver: RowDriver, layout: RowLayout): Promise<RowTable> {
  const initial = tableRowInitializer(config, { seed: 3 })
  const size = payloadBytes(layout) / 4
  return createRowTable({
    driver,
    layout,
    rows: VOCABULARY,
    fill: (ids, into) => {
      const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
      ids.forEach((id, i) => initial.fill(id, floats.subarray(i * size, i * size + 48)))
    },
  })
}

const make = (options: Partial<TrainerOptions> = {}): Promise<ModelTrainer> =>
  createTrainer({ config, weights: { seed: 3 }, batch: { size: 3, length: 8 }, engine, accumulate: 2, ...options })

async function losses(trainer: ModelTrainer, options: Partial<TrainOptions> = {}): Promise<number[]> {
  const run = { trainer, loader: loader(), schedule: constant(3e-2), steps: STEPS, ...options }
  const steps = train({ ...run, flopsPerToken: 1, peakFlops: 1 } as TrainOptions)
  const found: number[] = []
  for await (const step of steps) found.push(step.loss, step.gradNorm)
  return found
}

let dir: string
let folders = 0
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stored-tables-'))
})
afterAll(() => rm(dir, { recursive: true }))

/** Memory for about 45 of 120 rows, and for all. */
const SMALL = { adamw: 60_000, 'rowwise-adagrad': 24_000 }
const LARGE = 4_000_000

describe.each(ROW_OPTIMIZERS)('%s', (optimizer) => {
  const layout = layoutOf(optimizer)
  let resident: { curve: number[]; weights: Map<string, Float32Array> }
  const rows = { rows: VOCABULARY, rowBytes: recordBytes(layout) }
  const open = (options: Partial<TrainerOptions> = {}): Promise<ModelTrainer> =>
    make({ optimizer: { rows: optimizer }, ...options })
  beforeAll(async () => {
    const trainer = await open()
    resident = {
      curve: await losses(trainer),
      weights: new Map([...trainer.state().weights].map(([name, { data }]) => [name, data.slice()])),
    }
    await trainer.dispose()
  })

  const inMemory = (): Promise<RowDriver> => Promise.resolve(memoryRows(rows))
  const inFile = (): Promise<RowDriver> => fileRows(join(dir, `rows-${folders++}`), { create: rows })

  describe('with tables in a store trains as with tables in memory, bit for bit', () => {
    test.each([
      ['memory', inMemory, LARGE, 1],
      ['memory', inMemory, SMALL[optimizer], 0],
      ['memory', inMemory, SMALL[optimizer], 1],
      ['memory', inMemory, SMALL[optimizer], 3],
      ['a file', inFile, LARGE, 2],
      ['a file', inFile, SMALL[optimizer], 1],
    ])('rows in %s: %#', async (_, driver, budget, lookahead) => {
      const table = await newTable(await driver(), layout)
      const trainer = await open({ rows: { table, budget }, spawnWorker, threads: 2 })
      expect(await losses(trainer, { lookahead })).toEqual(resident.curve)
      const stats = trainer.rowStats()!
      if (budget === SMALL[optimizer]) expect(stats.cache!.evictions).toBeGreaterThan(0)
      if (budget === SMALL[optimizer] && lookahead > 0) expect(stats.cache!.prefetchUsed).toBeGreaterThan(0)

      const weights = trainer.state().weights
      for (const [name, { data }] of weights) expect(data).toEqual(resident.weights.get(name))
      expect([...resident.weights.keys()].filter((name) => !weights.has(name))).toHaveLength(2)
      await trainer.snapshotRows!()
      const row = new Float32Array(payloadBytes(layout) / 4)
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
      const trainer = await open({
        rows: { table: await newTable(await inMemory(), layout), budget: SMALL[optimizer] },
      })
      expect(await losses(trainer, { accumulate: 2 })).toEqual(curve)
      await trainer.dispose()
    })

    test('evaluated, and asked for logits and gradients', async () => {
      const whole = await open()
      const trainer = await open({
        rows: { table: await newTable(await inMemory(), layout), budget: SMALL[optimizer] },
      })
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
      const path = join(dir, `resumed-${optimizer}`)
      const table = await newTable(await fileRows(path, { create: rows }), layout)
      const checkpoints = join(dir, `checkpoints-${optimizer}`)
      const checkpoint = { every: 3, writer: checkpointFolder({ dir: checkpoints, keep: 2 }) }
      const first = await open({ rows: { table, budget: SMALL[optimizer] } })
      expect(await losses(first, { steps: 7, checkpoint })).toEqual(resident.curve.slice(0, 14))
      // Steps that no checkpoint knows of, whose rows reach the file, are undone.
      await losses(first, { steps: 9, lookahead: 2 })
      expect((await table.versions()).filter(({ kept }) => kept).map(({ note }) => note)).toEqual(['step 6', 'step 7'])
      await first.dispose()

      const saved = await loadCheckpoint((await latestCheckpoint(checkpoints))!)
      expect(saved.rows).toMatchObject({ table: table.id })
      const again = await openAt(path, saved.rows!.version)
      const second = await open({ rows: { table: again, budget: SMALL[optimizer] } })
      expect(await losses(second, { resume: saved, checkpoint })).toEqual(resident.curve.slice(14))
      await second.dispose()
    })

    test('and is refused with rows of another version, of another table or in memory', async () => {
      const saved: RunState[] = []
      const writer: CheckpointWriter = { save: async (state) => void saved.push(structuredClone(state)) }
      const trainer = await open({ rows: { table: await newTable(await inMemory(), layout), budget: LARGE } })
      await losses(trainer, { steps: 2, checkpoint: { every: 1, writer } })
      const resume = (into: ModelTrainer) => () => losses(into, { resume: saved[0]! })
      await expect(resume(trainer)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('version 2'),
      })
      const other = await open({ rows: { table: await newTable(await inMemory(), layout), budget: LARGE } })
      await expect(resume(other)).rejects.toMatchObject({ code: 'conflict' })
      const whole = await open()
      await expect(resume(whole)).rejects.toMatchObject({ code: 'bad-input' })
      await Promise.all([trainer.dispose(), other.dispose(), whole.dispose()])
    })
  })
})

test('tables that do not fit model and optimiser are refused, naming what differs', async () => {
  const table = async (other: Partial<RowLayout>, rows = VOCABULARY) => {
    const layout = { ...layoutOf('adamw'), ...other }
    const driver = memoryRows({ rows, rowBytes: recordBytes(layout) })
    return { table: await createRowTable({ driver, layout, rows }), budget: LARGE }
  }
  await expect(make({ rows: await table({}, 90) })).rejects.toThrow('the store has 90 rows of width 24')
  await expect(make({ rows: await table({ layers: 3 }) })).rejects.toThrow('the model has 2 tables')
  await expect(make({ rows: await table({ dtype: 'f16', state: 'none' }) })).rejects.toThrow("with state 'adam'")
  await expect(make({ rows: await table({ state: 'row-adagrad' }) })).rejects.toThrow(
    "adamw needs f32 rows with state 'adam', these are f32 with state 'row-adagrad'",
  )
  await expect(make({ rows: await table({}), optimizer: { rows: 'rowwise-adagrad' } })).rejects.toThrow(
    "rowwise-adagrad needs f32 rows with state 'row-adagrad'",
  )
  await expect(make({ rows: await table({}), treatment: 'dense' })).rejects.toThrow("the treatment is 'lazy'")
  const few = await make({ rows: { ...(await table({})), budget: 9000 } })
  await expect(losses(few)).rejects.toThrow('budget')
  await few.dispose()
})
