import type { Arrays } from '@stemkit/compile'
import type { Batch } from '@stemkit/data'
import { checkBatch, initializeWeights, listWeights, tokenExperts } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowPlan, type RowPlan } from '@stemkit/store'
import { computeGradients } from './gradients.ts'
import { createOptimizerPool } from './optimizer/pool.ts'
import type { AdamUpdate, Task } from './optimizer/tasks.ts'
import { copyInto, layOutParameters, requireSameShapes } from './parameters.ts'
import { openStoredTables } from './rows/open-stored-tables.ts'
import { residentRows } from './rows/resident-rows.ts'
import { storedRows } from './rows/stored-rows.ts'
import type { HeldRows, RowBlock } from './rows/table-rows.ts'
import { stepPrograms } from './step-programs.ts'
import type { ModelTrainer, TrainerOptions } from './trainer-options.ts'
import type { NamedArray, StepResult, TrainerState } from './trainer.ts'

/**
 * A model in training. Gradients come from a graph on `engine`; both optimisers run over the memory that the graph
 * reads and writes, so that nothing but the rows of a step is copied.
 */
export async function createTrainer(options: TrainerOptions): Promise<ModelTrainer> {
  const { config, batch: shape, engine, custom, treatment = 'lazy', accumulate = 1, spawnWorker } = options
  const adam = { betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1, ...options.optimizer } as const
  const rowOptimizer = adam.rows ?? 'adamw'
  const clip = adam.clip === undefined ? { norm: 1 } : adam.clip
  const positions = shape.size * shape.length
  const lazy = treatment === 'lazy'
  if (options.rows && !lazy) {
    throw new StemkitError('unsupported', `trainer: with tables in a store the treatment is 'lazy', not '${treatment}'`)
  }
  if (rowOptimizer !== 'adamw' && !lazy) {
    throw new StemkitError('unsupported', `trainer: ${rowOptimizer} needs the treatment 'lazy', not '${treatment}'`)
  }
  const parameters = layOutParameters({
    config,
    custom,
    treatment,
    rowOptimizer,
    positions,
    mostRows: Math.min(config.vocabSize, positions * accumulate),
    accumulates: accumulate > 1,
    slabBytes: options.rows?.budget,
    shared: spawnWorker !== undefined && typeof SharedArrayBuffer !== 'undefined',
  })
  if ('seed' in options.weights) {
    initializeWeights(config, {
      ...options.weights,
      ...(custom ? { custom } : {}),
      tables: options.rows === undefined,
      allocate: (name) => parameters.weights.get(name)!.data,
    })
  } else {
    copyInto(parameters.weights, options.weights)
  }
  const pool = await createOptimizerPool({
    memory: parameters.arena.memory,
    ...(spawnWorker ? { spawn: spawnWorker } : {}),
    ...(options.threads ? { threads: options.threads } : {}),
  })
  const stored = options.rows && openStoredTables(options.rows, parameters, rowOptimizer)
  const { rowIds } = parameters
  const tableRows = stored
    ? storedRows(parameters.tables, { store: stored.store, slab: parameters.slab, pool, rowIds })
    : residentRows(parameters.residentTables, { pool, rowIds })
  const graph = { config, batch: shape, custom, tables: lazy ? ('rows' as const) : ('whole' as const) }
  const programs = stepPrograms(engine, graph, [...parameters.summands.keys()])
  const scratch = new Int32Array(config.vocabSize)
  let steps = 0
  let disposed = false

  function check(batch: Batch): void {
    if (disposed) throw new StemkitError('bad-input', 'trainer: it was disposed')
    if (batch.size !== shape.size || batch.length !== shape.length) {
      throw new StemkitError(
        'bad-input',
        `trainer: a batch of ${batch.size} x ${batch.length}; this trainer was made for ${shape.size} x ${shape.length}`,
      )
    }
    checkBatch(config, batch)
  }

  const plans = lazy && parameters.tables.length > 0
  const planOf = (batches: readonly Batch[]): RowPlan => {
    const ids = batches.length === 1 ? batches[0]!.inputIds : concatenated(batches)
    return createRowPlan(ids, { rows: config.vocabSize, scratch })
  }

  /** The rows that some batches use, copied into the blocks of the graph and held until they are released. */
  const take = async (batches: readonly Batch[], signal?: AbortSignal): Promise<HeldRows | undefined> =>
    plans ? tableRows.take(planOf(batches), { signal }) : undefined

  /** Works on a batch with its rows, which stay as they are. */
  async function reading<T>(
    batch: Batch,
    signal: AbortSignal | undefined,
    work: (held?: HeldRows) => Promise<T>,
  ): Promise<T> {
    check(batch)
    const held = await take([batch], signal)
    // The blocks are copies.
    held?.release()
    return work(held)
  }

  function feeds(batch: Batch, held: HeldRows | undefined, at: number, lossWeights: Float32Array): Arrays {
    const plan = held?.plan
    const arrays: Arrays = {
      inputIds: batch.inputIds,
      targets: batch.targets,
      positionIds: batch.positionIds,
      documentIds: batch.documentIds,
      // Where tables come whole, or there are none, a token's row is its id.
      inverse: plan ? plan.inverse.subarray(at * positions, (at + 1) * positions) : batch.inputIds,
      tokenExperts: config.experts ? tokenExperts(config, batch.inputIds) : batch.inputIds,
      lossWeights,
    }
    for (const [name, { data }] of parameters.weights) arrays[name] = data
    if (plan) for (const table of parameters.tables) arrays[table.name] = rowsOf(table, plan)
    return arrays
  }

  /** Gradients of sum(mask / counted * loss) over the batches, left in the parameters' memory. */
  async function gradientsOf(
    batches: readonly Batch[],
    held: HeldRows | undefined,
  ): Promise<{ loss: number; bytesCopied: number }> {
    const counted = batches.reduce((sum, { lossMask }) => sum + countOf(lossMask), 0)
    if (counted === 0) throw new StemkitError('bad-input', 'trainer: no position of the batch counts in the loss')
    const lossWeights = ({ lossMask }: Batch): Float32Array => lossMask.map((mask) => mask / counted)
    const plan = held?.plan
    const { loss, bytesCopied } = await computeGradients({
      program: await programs.gradients(),
      parameters,
      pool,
      plan,
      feeds: batches.map((batch, at) => feeds(batch, held, at, lossWeights(batch))),
    })
    const rowFloats = parameters.tables.reduce((sum, { shape: [, width] }) => sum + width, 0)
    return { loss, bytesCopied: bytesCopied + rowFloats * (plan?.unique.length ?? 0) * 4 }
  }

  /** Reads ahead. What goes wrong shows when the rows are taken. */
  async function prefetch(batches: readonly Batch[]): Promise<void> {
    await tableRows.prefetch?.(planOf(batches)).catch(() => {})
  }

  async function squaredNorms(plan: RowPlan | undefined): Promise<{ backbone: number; tables: number }> {
    const parts = [
      ...parameters.regions.map(({ gradients, clipGroup }) => ({ values: gradients, clipGroup })),
      ...parameters.tables.map((table) => ({
        values: table.rowGradients.subarray(0, plan!.unique.length * table.shape[1]),
        clipGroup: 'backbone' as const,
      })),
    ]
    const sums = await pool.run(parts.map(({ values }): Task => ({ kernel: 'sumOfSquares', values })))
    const total = (group: string): number =>
      parts.reduce((sum, part, i) => (part.clipGroup === group ? sum + sums[i]! : sum), 0)
    return { backbone: total('backbone'), tables: total('tables') }
  }

  const scaleOf = (norm: number): number => (clip ? Math.min(1, clip.norm / (norm + (clip.epsilon ?? 1e-6))) : 1)

  async function update(
    held: HeldRows | undefined,
    learningRate: number,
    norms: { backbone: number; tables: number },
  ): Promise<void> {
    const [beta1, beta2] = adam.betas
    const at = (group: 'backbone' | 'tables', decays: boolean): AdamUpdate => ({
      learningRate,
      t: steps + 1,
      gradScale: scaleOf(norms[group]),
      beta1,
      beta2,
      epsilon: adam.eps,
      weightDecay: decays ? adam.weightDecay : 0,
    })
    const tasks = parameters.regions.map((region): Task => ({
      kernel: 'adamw',
      update: at(region.clipGroup, region.decays),
      parameters: region.values,
      moments: region.moments,
      squares: region.squares,
      gradients: region.gradients,
    }))
    await pool.run([
      ...tasks,
      ...(held?.updates({ ...at('backbone', false), learningRate: learningRate * (adam.rowLearningRate ?? 1) }) ?? []),
    ])
  }

  async function losses(batch: Batch, run: { readonly signal?: AbortSignal } = {}): Promise<Float32Array> {
    return reading(batch, run.signal, async (held) => {
      const program = await programs.losses()
      const out = await program.run(feeds(batch, held, 0, batch.lossMask), run)
      return out['losses'] as Float32Array
    })
  }

  return {
    config,
    get steps() {
      return steps
    },
    get rows() {
      return stored?.version
    },
    async step(batches, learningRate, { signal, upcoming = [] } = {}): Promise<StepResult> {
      signal?.throwIfAborted()
      if (batches.length === 0 || batches.length > accumulate) {
        throw new StemkitError(
          'bad-input',
          `trainer: a step of ${batches.length} micro-batches; this trainer takes 1 to ${accumulate} (option 'accumulate')`,
        )
      }
      batches.forEach(check)
      const held = await take(batches, signal)
      if (plans && upcoming.length > 0) void prefetch(upcoming)
      let changed = false
      try {
        const { loss, bytesCopied } = await gradientsOf(batches, held)
        const squared = await squaredNorms(held?.plan)
        const norms = { backbone: Math.sqrt(squared.backbone), tables: Math.sqrt(squared.tables) }
        const finite = Number.isFinite(loss) && Number.isFinite(norms.backbone) && Number.isFinite(norms.tables)
        // Numbers that are not finite must not reach the weights; the caller sees them and stops.
        if (finite) {
          changed = true
          await update(held, learningRate, norms)
          steps++
        }
        return {
          loss,
          gradNorm: norms.backbone,
          ...(treatment === 'official' ? { tableGradNorm: norms.tables } : {}),
          tokens: batches.length * positions,
          uniqueRows: held?.plan.unique.length ?? 0,
          bytesCopied,
        }
      } finally {
        held?.release({ changed })
      }
    },
    losses,
    async evaluate(batch, run = {}) {
      const counted = countOf(batch.lossMask)
      const perToken = await losses(batch, run)
      const sum = perToken.reduce((total, loss, i) => (batch.lossMask[i] ? total + loss : total), 0)
      return { loss: sum / counted, counted }
    },
    async gradients(batch) {
      check(batch)
      const held = await take([batch])
      held?.release()
      const { loss } = await gradientsOf([batch], held)
      const copies = new Map<string, NamedArray>()
      for (const [name, { shape: full }] of listWeights(config, custom)) {
        const gradient = parameters.gradients.get(name)
        const table = parameters.tables.find((candidate) => candidate.name === name)
        copies.set(name, { shape: full, data: table ? scattered(table, held!.plan) : gradient!.slice() })
      }
      return { loss, gradients: copies }
    },
    async logits(batch, run = {}) {
      return reading(batch, run.signal, async (held) => {
        const program = await programs.logits()
        const out = await program.run(feeds(batch, held, 0, batch.lossMask), run)
        return out['logits'] as Float32Array
      })
    },
    rowStats: () => stored?.store.stats(),
    ...(stored && { snapshotRows: stored.snapshot, keepRowSnapshots: stored.keep }),
    state: (): TrainerState => ({
      steps,
      weights: parameters.weights,
      moments: parameters.moments,
      squares: parameters.squares,
    }),
    restore(state) {
      requireSameShapes(parameters.moments, state.moments)
      requireSameShapes(parameters.squares, state.squares)
      copyInto(parameters.weights, state.weights)
      copyInto(parameters.moments, state.moments)
      copyInto(parameters.squares, state.squares)
      steps = state.steps
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await Promise.all([pool.dispose(), programs.dispose(), stored?.store.dispose()])
    },
  }
}

const rowsOf = (table: RowBlock, plan: RowPlan): Float32Array =>
  table.rows.subarray(0, plan.unique.length * table.shape[1])

/** The gradient block of a table as a gradient of all its rows. */
function scattered({ shape: [rows, width], rowGradients }: RowBlock, { unique }: RowPlan): Float32Array {
  const full = new Float32Array(rows * width)
  unique.forEach((id, i) => full.set(rowGradients.subarray(i * width, (i + 1) * width), id * width))
  return full
}

const countOf = (mask: Float32Array): number => mask.reduce((sum, value) => sum + value, 0)

function concatenated(batches: readonly Batch[]): Int32Array {
  const ids = new Int32Array(batches.reduce((sum, { inputIds }) => sum + inputIds.length, 0))
  let at = 0
  for (const { inputIds } of batches) {
    ids.set(inputIds, at)
    at += inputIds.length
  }
  return ids
}
