import type { Batch } from '@stemkit/data'
import { StemkitError } from '@stemkit/spec/errors'
import { requireFinite, type CheckpointWriter, type RunState } from './checkpoint.ts'
import { evaluate } from './evaluate.ts'
import { requireFit } from './fit.ts'
import type { Loader, Stateful } from './loader.ts'
import { utilisation, type Cost, type TrainStep } from './metrics.ts'
import type { Schedule } from './schedule.ts'
import type { RowSnapshot, StepResult, Trainer } from './trainer.ts'

export interface TrainOptions extends Cost {
  readonly trainer: Trainer
  readonly loader: Loader
  readonly schedule: Schedule
  /** Optimiser steps in all, those before a resume included. */
  readonly steps: number
  /** Batches per optimiser step. Default: 1. */
  readonly accumulate?: number | undefined
  /**
   * Steps whose batches are taken ahead, so that rows of tables in a store are fetched while a step runs. It changes no
   * number. Default: 1 where tables are in a store, else 0.
   */
  readonly lookahead?: number | undefined
  /** Held-out loss after every `every` steps and after the last one. `batches` must be iterable again and again. */
  readonly evaluate?: { readonly every: number; readonly batches: Iterable<Batch> | AsyncIterable<Batch> } | undefined
  /** Saved after every `every` steps, after the last one, and when aborted. */
  readonly checkpoint?: { readonly every: number; readonly writer: CheckpointWriter } | undefined
  /** Goes on where this state was saved: `await loadCheckpoint(path)` of `@stemkit/train/node`. */
  readonly resume?: RunState | undefined
  /** A random generator used beside the loader (by a custom model, say), saved and restored with the run. */
  readonly rng?: Stateful | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Trains, one yielded record per optimiser step. The state to resume is copied in at once, at the call.
 *
 * A step's checkpoint is saved once its consumer asks for the next step, so that what the consumer wrote down about
 * the step is never behind the checkpoint. Leaving the loop early saves nothing; aborting `signal` stops at a step
 * boundary, saves, then throws its reason. An evaluation under way is cut short.
 *
 * Throws `bad-input` for impossible options and for a state of another model; `diverged` at the first loss or gradient
 * norm that is not finite, without touching what was saved; and what trainer, loader and writer throw.
 */
export function train({ resume, ...options }: TrainOptions): AsyncGenerator<TrainStep, void, undefined> {
  requireWhole({
    steps: options.steps,
    accumulate: options.accumulate,
    'evaluate.every': options.evaluate?.every,
    'checkpoint.every': options.checkpoint?.every,
    lookahead: options.lookahead === 0 ? 1 : options.lookahead,
  })
  // Here and not in the generator, which would hold on to the state for as long as it runs.
  if (resume) restore(resume, options)
  return run(options, { tokens: resume?.tokens ?? 0, seconds: resume?.seconds ?? 0 })
}

type RunOptions = Omit<TrainOptions, 'resume'>

async function* run(
  options: RunOptions,
  before: { readonly tokens: number; readonly seconds: number },
): AsyncGenerator<TrainStep, void, undefined> {
  const { trainer, loader, schedule, steps, accumulate = 1, evaluate: heldOut, checkpoint, rng, signal } = options
  const { lookahead = trainer.rows ? 1 : 0 } = options
  const taken: { readonly batches: readonly Batch[]; readonly position: unknown }[] = []
  let totalTokens = before.tokens
  let totalSeconds = before.seconds
  let saved = trainer.steps
  let position = loader.state()
  signal?.throwIfAborted()
  await checkpoint?.writer.prepare?.(saved)

  const due = (every: number | undefined): boolean =>
    every !== undefined && (trainer.steps % every === 0 || trainer.steps === steps)

  const save = async (): Promise<void> => {
    if (!checkpoint || trainer.steps === saved) return
    const state = trainer.state()
    requireFinite(state)
    const { writer } = checkpoint
    // First the rows, so that no checkpoint ever names a version that is not there.
    const rows = await trainer.snapshotRows?.({ note: `step ${trainer.steps}` })
    await writer.save({
      config: trainer.config,
      trainer: state,
      ...(rows ? { rows } : {}),
      loader: position,
      rng: rng?.state(),
      tokens: totalTokens,
      seconds: totalSeconds,
    })
    saved = trainer.steps
    if (rows) {
      const named = [rows, ...((await writer.rowSnapshots?.()) ?? [])].filter(({ table }) => table === rows.table)
      await trainer.keepRowSnapshots?.(named.map(({ version }) => version))
    }
  }

  const takeAhead = async (): Promise<boolean> => {
    const wanted = Math.min(1 + lookahead, steps - trainer.steps)
    while (taken.length < wanted)
      taken.push({ batches: await take(loader, accumulate, signal), position: loader.state() })
    return true
  }

  while (trainer.steps < steps) {
    if (signal?.aborted) break
    const index = trainer.steps
    const start = performance.now()
    if (!(await unlessAborted(signal, takeAhead))) break
    const { batches, position: after } = taken.shift()!
    const lr = schedule(index)
    // The step itself is never interrupted: a step is taken whole or not at all.
    const result = await trainer.step(batches, lr, { upcoming: taken[0]?.batches ?? [] })
    requireFiniteStep(index, lr, result)
    position = after
    const seconds = (performance.now() - start) / 1000
    const { loss, gradNorm, tableGradNorm, tokens, uniqueRows, bytesCopied } = result
    // A browser's clock may not have moved.
    const tokensPerSecond = tokens / Math.max(seconds, 1e-6)
    totalTokens += tokens
    totalSeconds += seconds

    const evaluation =
      heldOut && due(heldOut.every)
        ? await unlessAborted(signal, () => evaluate(trainer, heldOut.batches, { signal }))
        : undefined
    yield {
      index,
      loss,
      lr,
      gradNorm,
      ...(tableGradNorm === undefined ? {} : { tableGradNorm }),
      tokens,
      seconds,
      tokensPerSecond,
      uniqueRows,
      bytesCopied,
      totalTokens,
      totalSeconds,
      ...utilisation(options, { totalTokens, tokensPerSecond }),
      ...(evaluation ? { evaluation } : {}),
    }
    if (due(checkpoint?.every)) await save()
  }
  if (taken.length > 0) loader.restore(position)
  await save()
  signal?.throwIfAborted()
}

/** Puts trainer, loader and generator where the resumed state has them. */
function restore(state: RunState, { trainer, loader, rng }: RunOptions): void {
  requireFit(state, trainer)
  requireRows(state.rows, trainer.rows)
  trainer.restore(state.trainer)
  loader.restore(state.loader)
  rng?.restore(state.rng)
}

function requireRows(saved: RowSnapshot | undefined, open: RowSnapshot | undefined): void {
  if (saved?.table === open?.table && saved?.version === open?.version) return
  const name = (rows: RowSnapshot | undefined): string =>
    rows ? `version ${rows.version} of the stored tables ${rows.table}` : 'tables in memory'
  throw new StemkitError(
    'conflict',
    `resume: the state belongs to ${name(saved)}, the trainer has ${name(open)}; open the tables at the version that the state names`,
  )
}

async function take(loader: Loader, count: number, signal: AbortSignal | undefined): Promise<Batch[]> {
  const batches: Batch[] = []
  while (batches.length < count) {
    signal?.throwIfAborted()
    batches.push(await loader.next(signal ? { signal } : {}))
  }
  return batches
}

/** What `work` gives; undefined where it was aborted. */
async function unlessAborted<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted && (error === signal.reason || (error as Error).name === 'AbortError')) return undefined
    throw error
  }
}

function requireFiniteStep(index: number, lr: number, { loss, gradNorm, tableGradNorm }: StepResult): void {
  const numbers = { loss, 'gradient norm': gradNorm, 'table gradient norm': tableGradNorm }
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined || Number.isFinite(value)) continue
    throw new StemkitError(
      'diverged',
      `step ${index}: the ${name} is ${value} at learning rate ${lr}; the last saved checkpoint is untouched, lower the learning rate and resume from it`,
    )
  }
}

function requireWhole(numbers: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined || (Number.isInteger(value) && value > 0)) continue
    throw new StemkitError('bad-input', `train: ${name} is ${value}, it must be a whole number above 0`)
  }
}
