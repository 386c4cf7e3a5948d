import { StemkitError } from '@stemkit/spec/errors'
import { pythonRandom } from '../python/random.ts'
import { sum } from '../python/sum.ts'
import { mean } from '../scores/aggregations.ts'
import { meanStandardError } from '../scores/standard-error.ts'
import { signTest } from './sign-test.ts'

export interface PairedOptions {
  /** Rounds of the bootstrap. Default 10,000. */
  readonly rounds?: number
  /** Of the bootstrap. Default 1234. */
  readonly seed?: number
  /** Probability that the interval is for. Default 0.95. */
  readonly confidence?: number
}

/** How the scores of two runs on the same documents differ; all differences are the second run's less the first's. */
export interface PairedDifference {
  readonly count: number
  readonly means: readonly [number, number]
  /** Of the means. */
  readonly difference: number
  /** Standard error of the difference; 0 of one document. */
  readonly standardError: number
  /** Between these the difference lies with the probability asked for, by the bootstrap. */
  readonly interval: readonly [number, number]
  /** Documents on which the second run is better, worse, and as good. */
  readonly better: number
  readonly worse: number
  readonly ties: number
  /**
   * Two-sided exact sign test over the documents that differ: how likely so uneven a split is, were both runs as good. Of scores
   * that are 0 or 1 it is McNemar's exact test.
   */
  readonly pValue: number
}

/**
 * Compares scores document by document. The interval is of the percentile bootstrap: means of differences drawn with replacement by
 * Python's generator, so that others can compute the same.
 * Throws where the runs have different numbers of scores or none.
 */
export function pairedDifference(
  first: readonly number[],
  second: readonly number[],
  { rounds = 10_000, seed = 1234, confidence = 0.95 }: PairedOptions = {},
): PairedDifference {
  if (first.length !== second.length || first.length === 0) {
    throw new StemkitError('bad-input', `${first.length} and ${second.length} scores cannot be paired`)
  }
  if (!(rounds >= 1 && confidence > 0 && confidence < 1)) {
    throw new StemkitError(
      'bad-input',
      `${rounds} rounds and a confidence of ${confidence}: need at least 1, and between 0 and 1`,
    )
  }
  const differences = second.map((score, i) => score - (first[i] ?? 0))
  const better = differences.filter((difference) => difference > 0).length
  const worse = differences.filter((difference) => difference < 0).length
  return {
    count: differences.length,
    means: [mean(first), mean(second)],
    difference: mean(differences),
    standardError: differences.length > 1 ? meanStandardError(differences) : 0,
    interval: bootstrapInterval(differences, rounds, seed, confidence),
    better,
    worse,
    ties: differences.length - better - worse,
    pValue: signTest(better, worse),
  }
}

function bootstrapInterval(
  values: readonly number[],
  rounds: number,
  seed: number,
  confidence: number,
): [number, number] {
  const random = pythonRandom(seed)
  const means = Float64Array.from({ length: rounds }, () => sum(random.choices(values, values.length)) / values.length)
  means.sort()
  return [quantile(means, (1 - confidence) / 2), quantile(means, (1 + confidence) / 2)]
}

/** Between the values around it, by its share of the way. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}
