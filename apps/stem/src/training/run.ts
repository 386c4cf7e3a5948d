import { availableParallelism } from 'node:os'
import { batchesInOrder, bigramLoss, createLoader, type Batch, type PackedDataset } from '@stemkit/data'
import { countFlops, countParameters, type CustomFeedForwards } from '@stemkit/model'
import { ROWS_FILE } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import type { RowTable } from '@stemkit/store'
import { openFileRows } from '@stemkit/store/node'
import {
  constant,
  createTrainer,
  evaluate,
  linearDecay,
  measurePeakFlops,
  overfitOneBatch,
  train,
  warmupCosine,
  type Evaluation,
  type ModelTrainer,
  type OverfitResult,
  type NamedArray,
  type RowSnapshot,
  type Schedule,
  type TrainOptions,
  type TrainStep,
} from '@stemkit/train'
import {
  checkpointFolder,
  latestCheckpoint,
  loadCheckpoint,
  openMetrics,
  readMetrics,
  spawnWorker,
} from '@stemkit/train/node'
import { fromFloat32, type Tensor } from '@stemkit/weights'
import { writeFileAtomically, writeModelFolder, type ModelParts } from '@stemkit/weights/node'
import { stringify } from 'yaml'
import type { RunConfig } from '../config/schema.ts'
import { openEngine } from '../engines.ts'
import { Interrupted } from '../terminal/exit.ts'
import { progressLine, statusLine } from '../terminal/progress.ts'
import { prepareRun, type PreparedRun, type PrepareOptions } from './prepare.ts'
import { openRunFolder, type RunFolder } from './run-folder.ts'
import { openTables, referTo, tablesUrl, type TablesOptions } from './tables.ts'

export interface RunOptions {
  /** What the run is called on the progress line and in the report. */
  readonly label: string
  readonly runFolder: string
  readonly resume: boolean
  readonly signal: AbortSignal
  /** Text and tokenizer of an earlier run, so that two models are compared on the same data. */
  readonly prepared?: PreparedRun | undefined
  /** Feed-forwards that plugins bring. */
  readonly custom?: CustomFeedForwards | undefined
  /** Opens the rows that `store.url` names. */
  readonly openRows?: OpenRows | undefined
}

export interface RunResult {
  readonly label: string
  readonly prepared: PreparedRun
  readonly steps: readonly TrainStep[]
  /** Over all of the held-out text. */
  readonly heldOut: Evaluation
  /** What counting pairs of the training tokens predicts of the held-out ones, nats per token. */
  readonly bigramLoss: number
  readonly flopsPerToken: number
  readonly parameters: ReturnType<typeof countParameters>
  readonly modelFolder: string
  /** Feed-forwards that the model needs beside those that are built in. */
  readonly custom: CustomFeedForwards | undefined
  /** Opens the rows of its tables, if they are in a store. */
  readonly openRows: OpenRows | undefined
}

/** Trains one model as its config says, into a folder that a later call can resume from. */
export async function runTraining(config: RunConfig, options: RunOptions): Promise<RunResult> {
  const folder = await openRunFolder(options.runFolder, options)
  try {
    return await trainIn(folder, config, options)
  } finally {
    folder.release()
  }
}

async function trainIn(folder: RunFolder, config: RunConfig, options: RunOptions): Promise<RunResult> {
  const { label, signal, custom } = options
  const prepared = options.prepared ?? (await prepare(config, { signal, custom, resumeFrom: folder.latest }))

  const resumed = folder.latest === undefined ? undefined : await loadCheckpoint(folder.latest, { signal })
  const table =
    config.store && (await openStoredTables(config, options, { model: prepared.model, resume: resumed?.rows }))
  const { trainer, flopsPerToken, peakFlops } = await openTrainer(config, prepared, custom, table)
  try {
    const loader = createLoader({ sequences: prepared.train, batchSize: config.training.batchSize, seed: config.seed })
    const run = {
      trainer,
      loader,
      schedule: scheduleOf(config),
      steps: config.training.steps,
      accumulate: config.training.accumulate,
      evaluate: {
        every: config.evaluate.every,
        batches: firstBatches(prepared.heldOut, config.training.batchSize, config.evaluate.batches),
      },
      checkpoint: {
        every: config.checkpoint.every,
        writer: checkpointFolder({
          dir: folder.checkpoints,
          keep: config.checkpoint.keep,
          files: [folder.tokenizer],
        }),
      },
      flopsPerToken,
      peakFlops,
      signal,
      ...(config.store ? { lookahead: config.store.lookahead } : {}),
      ...(resumed ? { resume: resumed } : {}),
    }
    const steps = startOrResume(run, folder.latest)
    // Only now is it sure that the config fits what the folder holds.
    await writeFileAtomically(folder.config, stringify(config))
    await writeFileAtomically(folder.tokenizer, JSON.stringify(prepared.tokenizerJson))
    await using metrics = await openMetrics(folder.metrics, { from: trainer.steps })
    const bar = progressLine(label, config.training.steps)
    try {
      let heldOutLoss = ''
      for await (const step of steps) {
        await metrics.write(step)
        if (step.evaluation) heldOutLoss = `, held-out ${step.evaluation.loss.toFixed(3)}`
        bar.update(
          step.index + 1,
          `loss ${step.loss.toFixed(3)}${heldOutLoss}, ${Math.round(step.tokensPerSecond)} tokens/s`,
        )
      }
    } finally {
      bar.stop()
    }
    const heldOut = await evaluate(trainer, batchesInOrder(prepared.heldOut, config.training.batchSize), { signal })
    await writeModelFolder(folder.model, {
      config: prepared.model,
      tensors: asTensors(trainer.state().weights),
      tokenizerJson: prepared.tokenizerJson,
      ...(trainer.rows && storedTables(config, options, folder.model, trainer.rows)),
    })
    return {
      label,
      prepared,
      steps: await readMetrics(folder.metrics),
      heldOut,
      bigramLoss: bigramBaseline(prepared),
      flopsPerToken,
      parameters: countParameters(prepared.model, custom),
      modelFolder: folder.model,
      custom,
      openRows: options.openRows,
    }
  } catch (error) {
    if (error instanceof Interrupted) throw new Interrupted(await whatWasKept(folder.checkpoints))
    throw error
  } finally {
    await trainer.dispose()
  }
}

async function openStoredTables(
  config: RunConfig,
  options: Omit<RunOptions, 'resume'>,
  tables: Pick<TablesOptions, 'model' | 'resume'>,
): Promise<RowTable> {
  const status = statusLine()
  try {
    return await openTables(config, {
      ...options,
      ...tables,
      openRows: options.openRows ?? openFileRows,
      onProgress: status.show,
    })
  } finally {
    status.clear()
  }
}

/** What a model folder has instead of tables among its weights. */
function storedTables(
  config: RunConfig,
  { runFolder }: RunOptions,
  modelFolder: string,
  rows: RowSnapshot,
): Pick<ModelParts, 'files' | 'optionalTables'> {
  const reference = referTo(tablesUrl(config, runFolder), modelFolder, rows)
  return { optionalTables: true, files: new Map([[ROWS_FILE, `${JSON.stringify(reference, null, 2)}\n`]]) }
}

/** Puts model and data where the checkpoint has them, if there is one. */
function startOrResume(run: TrainOptions, latest: string | undefined): ReturnType<typeof train> {
  try {
    return train(run)
  } catch (error) {
    if (latest === undefined || !StemkitError.isInstance(error)) throw error
    throw new StemkitError(error.code, `${latest} was saved with other text or another seed: ${error.message}`)
  }
}

/** Trains on one batch until it is known by heart: a check that a set-up can learn at all. */
export async function checkOverfitting(
  config: RunConfig,
  { signal, custom }: Pick<RunOptions, 'signal' | 'custom'>,
): Promise<OverfitResult> {
  const prepared = await prepare(config, { signal, custom, resumeFrom: undefined })
  const { trainer } = await openTrainer(config, prepared, custom)
  const bar = progressLine('one batch', config.training.steps)
  try {
    return await overfitOneBatch({
      trainer,
      batch: createLoader({
        sequences: prepared.train,
        batchSize: config.training.batchSize,
        seed: config.seed,
      }).next(),
      schedule: constant(config.training.learningRate),
      steps: config.training.steps,
      signal,
      onProgress: (step) => bar.update(step.index + 1, `loss ${step.loss.toFixed(3)}`),
    })
  } finally {
    bar.stop()
    await trainer.dispose()
  }
}

async function prepare(config: RunConfig, options: Omit<PrepareOptions, 'onProgress'>): Promise<PreparedRun> {
  const status = statusLine()
  try {
    return await prepareRun(config, { ...options, onProgress: status.show })
  } finally {
    status.clear()
  }
}

async function whatWasKept(checkpoints: string): Promise<string> {
  const latest = await latestCheckpoint(checkpoints)
  return latest === undefined
    ? 'interrupted before the first step; nothing was saved'
    : `interrupted; saved in ${latest}. The same command with --resume goes on from there`
}

async function openTrainer(
  config: RunConfig,
  { model, train: data }: PreparedRun,
  custom: CustomFeedForwards = {},
  table?: RowTable,
): Promise<{ trainer: ModelTrainer; flopsPerToken: number; peakFlops: number }> {
  const { training, seed } = config
  const threads = config.threads ?? availableParallelism()
  const engine = await openEngine('compiled', threads)
  const peakFlops = config.peakFlops ?? (await measurePeakFlops(engine))
  const trainer = await createTrainer({
    config: model,
    custom,
    weights: { seed, tableInit: config.model.tableInit },
    batch: { size: training.batchSize, length: data.length },
    engine,
    treatment: training.tables,
    ...(table ? { rows: { table, budget: config.store!.budget } } : {}),
    accumulate: training.accumulate,
    optimizer: {
      betas: training.betas,
      eps: training.eps,
      weightDecay: training.weightDecay,
      clip: training.clip === null ? null : { norm: training.clip },
      rows: training.rowOptimizer,
      rowLearningRate: training.rowLearningRate,
    },
    spawnWorker,
    threads,
  })
  return { trainer, peakFlops, flopsPerToken: countFlops(model, { length: data.length, custom }).training }
}

function scheduleOf({ training }: RunConfig): Schedule {
  const { learningRate: peak, steps, floor, warmup = Math.min(50, Math.floor(steps / 10)) } = training
  if (training.schedule === 'constant') return linearDecay({ peak, warmup, steps, floor: 1 })
  return (training.schedule === 'linear' ? linearDecay : warmupCosine)({ peak, warmup, steps, floor })
}

function firstBatches(dataset: PackedDataset, batchSize: number, count: number): Batch[] {
  const batches: Batch[] = []
  for (const batch of batchesInOrder(dataset, batchSize)) {
    if (batches.length === count) break
    batches.push(batch)
  }
  return batches
}

const bigramBaseline = ({ train: data, heldOut, model }: PreparedRun): number =>
  bigramLoss(data.tokens, heldOut.tokens, model.vocabSize)

const asTensors = (arrays: ReadonlyMap<string, NamedArray>): Map<string, Tensor> =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, fromFloat32(data, shape)]))
