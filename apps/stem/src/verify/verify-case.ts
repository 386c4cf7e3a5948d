import type { Engine } from '@stemkit/compile'
import { createTrainer, warmupCosine, type NamedArray, type Treatment } from '@stemkit/train'
import { spawnWorker } from '@stemkit/train/node'
import { largestDifference, relativeDifference, sumAndNorm } from './deviations.ts'
import type { Curve, ReferenceCase } from './reference-case.ts'

/** Largest deviations found, by quantity; see fixtures/oracle/README.md. */
export interface Deviations {
  /** Absolute, per entry. */
  readonly logits: number
  /** Absolute: per token and the mean. */
  readonly loss: number
  /** Relative to the largest entry of a tensor. */
  readonly gradients: number
  /** Absolute, over the losses of all training modes and their final evaluation. */
  readonly curves: number
  /** Relative. */
  readonly gradNorm: number
  /** Relative, of the l2 norm of every weight after training; absent where training was cut short. */
  readonly finalNorm?: number
  /** Absolute, of the sum of every weight after training; absent where training was cut short. */
  readonly finalSum?: number
}

export type Quantity = keyof Deviations

/** What is accepted. */
export const TOLERANCES: Required<Deviations> = {
  logits: 2e-5,
  loss: 1e-5,
  gradients: 1e-4,
  curves: 1e-4,
  gradNorm: 1e-4,
  finalNorm: 1e-4,
  finalSum: 5e-3,
}

export interface VerifyOptions {
  readonly engine: Engine
  /** Only so many steps of each training curve; what is recorded of its end is then left out. Default: all. */
  readonly steps?: number | undefined
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** Computes everything a case has numbers for. */
export async function verifyCase(reference: ReferenceCase, options: VerifyOptions): Promise<Deviations> {
  const parts: Partial<Deviations>[] = [await compareOnce(reference, options)]
  for (const [mode, curve] of reference.curves) {
    options.onProgress?.(`${reference.name}: training, ${mode}`)
    parts.push(await compareCurve(reference, mode, curve, options))
  }
  const worst: Partial<Record<Quantity, number>> = {}
  for (const part of parts) {
    for (const [key, value] of Object.entries(part) as [Quantity, number][]) {
      worst[key] = Math.max(worst[key] ?? 0, value)
    }
  }
  return { curves: 0, gradNorm: 0, ...worst } as Deviations
}

export const isWithinTolerance = (quantity: Quantity, value: number): boolean => value <= TOLERANCES[quantity]

function trainerOf(
  reference: ReferenceCase,
  treatment: Treatment,
  { engine }: VerifyOptions,
): ReturnType<typeof createTrainer> {
  const { config, weights, batch, hyper } = reference
  return createTrainer({
    config,
    weights,
    batch: { size: batch.size, length: batch.length },
    engine,
    spawnWorker,
    treatment,
    optimizer: {
      betas: hyper.betas,
      eps: hyper.eps,
      weightDecay: hyper.weightDecay,
      clip: { norm: hyper.clipNorm, epsilon: hyper.clipEpsilon },
    },
  })
}

async function compareOnce(
  reference: ReferenceCase,
  options: VerifyOptions,
): Promise<Pick<Deviations, 'logits' | 'loss' | 'gradients'>> {
  const { expected, batch, lossMean, name } = reference
  options.onProgress?.(`${name}: logits, losses, gradients`)
  const trainer = await trainerOf(reference, 'lazy', options)
  try {
    const logits = await trainer.logits(batch)
    const losses = await trainer.losses(batch)
    const { loss, gradients } = await trainer.gradients(batch)
    const wanted = [...expected.keys()].filter((key) => key.startsWith('grad.'))
    const deviations = wanted.map((key) =>
      relativeDifference(gradients.get(key.slice('grad.'.length))?.data ?? [], expected.get(key)!.data),
    )
    return {
      logits: largestDifference(logits, expected.get('logits')?.data ?? []),
      loss: Math.max(
        largestDifference(losses, expected.get('loss_per_token')?.data ?? []),
        largestDifference([loss], [lossMean]),
      ),
      gradients: wanted.length === gradients.size ? Math.max(...deviations) : Infinity,
    }
  } finally {
    await trainer.dispose()
  }
}

async function compareCurve(
  reference: ReferenceCase,
  treatment: Treatment,
  curve: Curve,
  options: VerifyOptions,
): Promise<Partial<Deviations>> {
  const { hyper, trainBatches, batch } = reference
  const steps = Math.min(options.steps ?? hyper.steps, hyper.steps)
  const schedule = warmupCosine({
    peak: hyper.peakLearningRate,
    warmup: hyper.warmup,
    steps: hyper.steps,
    floor: hyper.floor,
  })
  const trainer = await trainerOf(reference, treatment, options)
  try {
    const taken = []
    for (const [index, trainBatch] of trainBatches.slice(0, steps).entries()) {
      options.signal?.throwIfAborted()
      taken.push(await trainer.step([trainBatch], schedule(index)))
    }
    const until = (recorded: readonly number[]): readonly number[] =>
      steps < hyper.steps ? recorded.slice(0, steps) : recorded
    const along = {
      curves: largestDifference(
        taken.map(({ loss }) => loss),
        until(curve.loss),
      ),
      gradNorm: Math.max(
        largestRatio(
          taken.map(({ gradNorm }) => gradNorm),
          until(curve.gradNorm),
        ),
        curve.tableGradNorm
          ? largestRatio(
              taken.map(({ tableGradNorm = NaN }) => tableGradNorm),
              until(curve.tableGradNorm),
            )
          : 0,
      ),
    }
    if (steps < hyper.steps) return along
    const { loss } = await trainer.evaluate(batch)
    return {
      ...along,
      curves: Math.max(along.curves, largestDifference([loss], [curve.finalEvalLoss])),
      ...compareWeights(trainer.state().weights, curve.finalWeights),
    }
  } finally {
    await trainer.dispose()
  }
}

function compareWeights(
  weights: ReadonlyMap<string, NamedArray>,
  expected: Curve['finalWeights'],
): { finalNorm: number; finalSum: number } {
  let [finalNorm, finalSum] = [0, 0]
  for (const [name, { data }] of weights) {
    const [found, wanted] = [sumAndNorm(data), expected[name] ?? { sum: NaN, l2: NaN }]
    finalNorm = Math.max(finalNorm, largestRatio([found.l2], [wanted.l2]))
    finalSum = Math.max(finalSum, largestDifference([found.sum], [wanted.sum]))
  }
  return { finalNorm, finalSum }
}

/** Largest relative difference; two zeros agree. */
const largestRatio = (actual: readonly number[], expected: readonly number[]): number =>
  largestDifference(
    actual.map((value, i) => (value === expected[i] ? 1 : value / expected[i]!)),
    expected.map(() => 1),
  )
