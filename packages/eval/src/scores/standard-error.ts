import { sum } from '../python/sum.ts'
import { pythonRandom } from '../python/random.ts'
import type { MetricValue } from '../tasks/processors.ts'
import { aggregations, mean, type Aggregation } from './aggregations.ts'
import { square } from '../python/square.ts'

const CHUNK = 1000
/** Aggregations whose error is estimated by drawing the documents again. */
const bootstrapped = ['median', 'matthews_corrcoef', 'f1', 'perplexity', 'nanmean']

/** Sample standard deviation. */
function sampleDeviation(values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(sum(values.map((value) => square(value - centre))) / (values.length - 1))
}

export const meanStandardError = (values: readonly number[]): number =>
  sampleDeviation(values) / Math.sqrt(values.length)

/**
 * The standard error of a total, or `N/A` where there is none: the closed form for a mean, else the bootstrap, else nothing.
 * @param name the aggregation
 * @param rounds of the bootstrap; 0 asks for no errors at all
 */
export function standardError(name: string, values: readonly MetricValue[], rounds: number): number | 'N/A' {
  if (values.length < 2 || rounds <= 0) return 'N/A'
  if (name === 'mean') return meanStandardError(values as readonly number[])
  const aggregate = bootstrapped.includes(name) ? aggregations[name] : undefined
  return aggregate ? bootstrapError(aggregate, values, rounds) : 'N/A'
}

/**
 * Standard deviation of a total over documents drawn with replacement. Each thousand rounds has a generator of its own, seeded with
 * its number, so that the result does not depend on who computes which.
 */
function bootstrapError(aggregate: Aggregation, values: readonly MetricValue[], rounds: number): number {
  const chunk = Math.min(CHUNK, rounds)
  const totals: number[] = []
  // One array for all rounds: there may be half a billion draws.
  const drawn = [...values]
  for (let seed = 0; seed < Math.floor(rounds / chunk); seed++) {
    const { random } = pythonRandom(seed)
    for (let round = 0; round < chunk; round++) {
      // As random.choices draws.
      for (let i = 0; i < drawn.length; i++) drawn[i] = values[Math.floor(random() * values.length)]
      totals.push(aggregate(drawn))
    }
  }
  return sampleDeviation(totals)
}
