import type { Engine } from '@stemkit/compile'
import { createTrainer, warmupCosine, type Treatment } from '@stemkit/train'
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
  /** Relative, of the l2 norm of every weight after training. */
  readonly finalNorm: number
  /** Absolute, of the sum of every weight after training. */
  readonly finalSum: number
}

/** What is accepted. */
export const TOLERANCES: Deviations = {
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
  readonly signal?: AbortSignal
  readonly onProgress?: (text: string) => void
}

/** Computes everything a case has numbers for. */
export async function verifyCase(reference: ReferenceCase, options: VerifyOptions): Promise<Deviations> {
  const forward = await compareOnce(reference, options)
  const training = { curves: 0, gradNorm: 0, finalNorm: 0, finalSum: 0 }
  for (const [mode, curve] of reference.curves) {
    options.onProgress?.(`${reference.name}: training, ${mode}`)
    const found = await compareCurve(reference, mode, curve, options)
    for (const key of Object.keys(training) as (keyof typeof training)[]) {
      training[key] = Math.max(training[key], found[key])
    }
  }
  return { ...forward, ...training }
}

export function withinTolerance(deviations: Deviations): boolean {
  return Object.entries(TOLERANCES).every(([key, limit]) => deviations[key as keyof Deviations] <= limit)
}

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
): Promise<Pick<Deviations, 'curves' | 'gradNorm' | 'finalNorm' | 'finalSum'>> {
  const { hyper, trainBatches, batch } = reference
  const schedule = warmupCosine({
    peak: hyper.peakLearningRate,
    warmup: hyper.warmup,
    steps: hyper.steps,
    floor: hyper.floor,
  })
  const trainer = await trainerOf(reference, treatment, options)
  try {
    const steps = []
    for (let index = 0; index < hyper.steps; index++) {
      options.signal?.throwIfAborted()
      steps.push(await trainer.step([trainBatches[index]!], schedule(index)))
    }
    const { loss: finalLoss } = await trainer.evaluate(batch)
    const norms = steps.map((step) => step.gradNorm)
    const tableNorms = steps.map((step) => step.tableGradNorm ?? NaN)
    const final = [...trainer.state().weights].map(([name, { data }]) => {
      const [found, wanted] = [sumAndNorm(data), curve.finalWeights[name] ?? { sum: NaN, l2: NaN }]
      return { norm: largestDifference([found.l2 / wanted.l2], [1]), sum: largestDifference([found.sum], [wanted.sum]) }
    })
    return {
      curves: Math.max(
        largestDifference(
          steps.map((step) => step.loss),
          curve.loss,
        ),
        largestDifference([finalLoss], [curve.finalEvalLoss]),
      ),
      gradNorm: Math.max(
        largestRatio(norms, curve.gradNorm),
        curve.tableGradNorm ? largestRatio(tableNorms, curve.tableGradNorm) : 0,
      ),
      finalNorm: Math.max(...final.map(({ norm }) => norm)),
      finalSum: Math.max(...final.map(({ sum }) => sum)),
    }
  } finally {
    await trainer.dispose()
  }
}

/** Largest relative difference; two zeros agree. */
const largestRatio = (actual: readonly number[], expected: readonly number[]): number =>
  largestDifference(
    actual.map((value, i) => (value === expected[i] ? 1 : value / expected[i]!)),
    expected.map(() => 1),
  )
