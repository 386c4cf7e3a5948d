/**
 * One training step of a STEM or dense model by stemkit, as a process: the counterpart of peers/torch_step.py, with the
 * same task file, commands and answers.
 */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { compiledEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { Batch } from '@stemkit/data'
import { tableRowInitializer } from '@stemkit/model'
import { createRowTable, recordBytes, type RowLayout, type RowTable } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import { openRedisRows } from '@stemkit/store-redis'
import { createTrainer, measurePeakFlops, type ModelTrainer } from '@stemkit/train'
import { spawnWorker } from '@stemkit/train/node'
import { openSafetensors } from '@stemkit/weights/node'
import type { StoreTask, TaskFile } from './training-task.ts'

const task = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as TaskFile
const SEED = 0
const threads = availableParallelism()
const runtime = nodeRuntime()
const engine = timed(compiledEngine(runtime, { threads }))
const batches = readBatches(task, await readFile(task.batches))
const trainer = await openTrainer()
let taken = 0

say({ runtime: runtime.name, threads })
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ')
  if (command === 'step') say(await step(argument === undefined ? task.learningRate : Number(argument)))
  else if (command === 'product') say({ gflops: (await measurePeakFlops(engine)) / 1e9 })
  else if (command === 'snapshot') say(await snapshot())
  else throw new Error(`unknown command '${line}'`)
}
await trainer.dispose()

async function step(learningRate: number): Promise<unknown> {
  const batch = batches[taken++ % batches.length]!
  const compiledBefore = engine.seconds
  const start = performance.now()
  const upcoming = [batches[taken % batches.length]!]
  const { loss, gradNorm, bytesCopied } = await trainer.step([batch], learningRate, { upcoming })
  const milliseconds = performance.now() - start
  return { milliseconds, loss, gradNorm, bytesCopied, compileSeconds: engine.seconds - compiledBefore }
}

/** Makes the rows a version: how long that takes, and what the store did so far. */
async function snapshot(): Promise<unknown> {
  const start = performance.now()
  await trainer.snapshotRows?.()
  return { snapshotMs: performance.now() - start, rows: trainer.rowStats() }
}

async function openTrainer(): Promise<ModelTrainer> {
  const { config, size, length, store } = task
  const rows = store && { table: await makeTable(store), budget: store.budget }
  const opened = await createTrainer({
    config,
    weights: { seed: SEED },
    batch: { size, length },
    engine,
    spawnWorker,
    threads,
    ...(rows ? { rows } : {}),
  })
  const { weights, moments, squares } = opened.state()
  if (task.weights !== undefined) {
    // Straight into live memory: nothing is left over that would count as the trainer's.
    const file = await openSafetensors(task.weights)
    for (const [name, { data }] of weights) {
      await file.read(name, { into: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) })
    }
    await file.dispose()
  }
  // The first touch of a page costs, whoever makes it.
  if (task.touched) for (const arrays of [moments, squares]) for (const { data } of arrays.values()) data.fill(0)
  return opened
}

/** New tables as rows in a store, with the state of AdamW. */
async function makeTable({ url }: StoreTask): Promise<RowTable> {
  const { rows, layers, width, fill } = tableRowInitializer(task.config, { seed: SEED })
  const layout: RowLayout = { layers, width, dtype: 'f32', state: 'adam' }
  const create = { rows, rowBytes: recordBytes(layout) }
  const driver = url.startsWith('file:') ? await openFileRows(url, { create }) : await openRedisRows(url, { create })
  return createRowTable({
    driver,
    layout,
    rows,
    fill: (ids, into) => {
      const floats = new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)
      const size = layers * width
      ids.forEach((id, i) => fill(id, floats.subarray(3 * i * size, (3 * i + 1) * size)))
    },
  })
}

function readBatches({ size, length }: TaskFile, bytes: Buffer): Batch[] {
  const positions = size * length
  const ids = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  return Array.from({ length: ids.length / (2 * positions) }, (_, index): Batch => {
    const inputIds = ids.slice(2 * index * positions, (2 * index + 1) * positions)
    const targets = ids.slice((2 * index + 1) * positions, (2 * index + 2) * positions)
    return {
      size,
      length,
      inputIds,
      targets: targets.map((target) => Math.max(0, target)),
      lossMask: Float32Array.from(targets, (target) => (target < 0 ? 0 : 1)),
      documentIds: new Int32Array(positions),
      positionIds: new Int32Array(positions).map((_zero, i) => i % length),
    }
  })
}

/** Adds up how long it takes to record functions and to make their sessions. */
function timed({ name, load }: Engine): Engine & { readonly seconds: number } {
  let seconds = 0
  return {
    name,
    get seconds() {
      return seconds
    },
    async load(fn, inputs, options) {
      const start = performance.now()
      const program = await load(fn, inputs, options)
      seconds += (performance.now() - start) / 1000
      return program
    },
  }
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
