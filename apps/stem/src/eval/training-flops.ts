import { basename, dirname, join, resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { readMetrics } from '@stemkit/train/node'

/** What the training of a model took, in floating-point operations: of a run's `model/`, or one of its checkpoints. */
export async function trainingFlops(folder: string): Promise<number | undefined> {
  const path = resolve(folder)
  const step = /^step-(\d+)$/.exec(basename(path))?.[1]
  const run = step === undefined ? dirname(path) : dirname(dirname(path))
  try {
    const metrics = await readMetrics(join(run, 'metrics.jsonl'))
    const taken = step === undefined ? metrics : metrics.filter(({ index }) => index < Number(step))
    return taken.at(-1)?.flops
  } catch (error) {
    // A model of somewhere else.
    if (StemkitError.isInstance(error) || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
