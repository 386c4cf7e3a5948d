import { StemkitError } from '@stemkit/spec/errors'
import { mean } from '../scores/aggregations.ts'

/** A score and how long the prompt was. */
export interface MeasuredSample {
  readonly task: string
  /** Tokens of the prompt. */
  readonly tokens: number
  readonly score: number
}

/** Prompts of `from` tokens up to, but not including, `to`; null has no end. */
export interface LengthBucket {
  readonly from: number
  readonly to: number | null
  readonly count: number
  /** Mean score; null where there is no sample. */
  readonly score: number | null
}

export interface TaskBuckets {
  readonly task: string
  readonly buckets: readonly LengthBucket[]
}

export interface LengthBuckets {
  /** In the order in which tasks are first met. */
  readonly tasks: readonly TaskBuckets[]
  /** Of each bucket, the plain mean over the tasks that have samples in it, and the samples of all. */
  readonly average: readonly LengthBucket[]
}

export interface LengthBucketOptions {
  /** Tokens that a bucket spans. Default 2048: 0-2k, 2-4k, 4-6k and so on. */
  readonly width?: number
  /** Prompts from here on share the last bucket, which has no end. Default: there is none. */
  readonly last?: number
}

/**
 * Mean scores by length of the prompt, task by task. Every task has the same buckets, from 0 to that of the longest prompt.
 * Throws on a width that is no positive integer, and on a last bucket that does not begin where one ends.
 */
export function lengthBuckets(
  samples: readonly MeasuredSample[],
  { width = 2048, last = Infinity }: LengthBucketOptions = {},
): LengthBuckets {
  if (!Number.isInteger(width) || width < 1) {
    throw new StemkitError('bad-input', `buckets of ${width} tokens: the width must be a positive integer`)
  }
  if (last !== Infinity && !(last > 0 && last % width === 0)) {
    throw new StemkitError(
      'bad-input',
      `the last bucket begins at ${last}, which is no multiple of their width, ${width}`,
    )
  }
  const bucketOf = ({ tokens }: MeasuredSample) => Math.floor(Math.min(tokens, last) / width)
  const size = samples.reduce((most, sample) => Math.max(most, bucketOf(sample) + 1), 0)
  const scores = new Map<string, number[][]>()
  for (const sample of samples) {
    const known = scores.get(sample.task) ?? Array.from({ length: size }, (): number[] => [])
    scores.set(sample.task, known)
    known[bucketOf(sample)]?.push(sample.score)
  }
  const bucket = (i: number, count: number, of: readonly number[]): LengthBucket => {
    const to = i * width >= last ? null : (i + 1) * width
    return { from: i * width, to, count, score: of.length === 0 ? null : mean(of) }
  }
  const tasks = [...scores].map(([task, columns]) => ({
    task,
    buckets: columns.map((column, i) => bucket(i, column.length, column)),
  }))
  return {
    tasks,
    average: Array.from({ length: size }, (_, i) => {
      const all = tasks.flatMap(({ buckets }) => buckets[i] ?? [])
      const count = all.reduce((sum, { count: of }) => sum + of, 0)
      return bucket(
        i,
        count,
        all.flatMap(({ score }) => score ?? []),
      )
    }),
  }
}
