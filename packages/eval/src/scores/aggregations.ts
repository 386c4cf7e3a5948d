import { exp } from '../python/exp.ts'
import { sum } from '../python/sum.ts'
import type { MetricValue } from '../tasks/processors.ts'
import { confusion } from './confusion.ts'
import { numpyMean, numpySum } from './numpy-sum.ts'

/** From what a metric recorded of each document to its total. */
export type Aggregation = (values: readonly MetricValue[]) => number

const numbers = (values: readonly MetricValue[]) => values as readonly number[]
const pairs = (values: readonly MetricValue[]) => values as readonly (readonly [number, number])[]

export const mean = (values: readonly number[]): number => sum(values) / values.length

/** exp of the mean negative log-probability. */
const perplexity = (logprobs: readonly number[]): number => exp(-mean(logprobs))

/** Of `[log-probability, units]`: log-probability per unit. */
const weightedMean = (values: readonly (readonly [number, number])[]) =>
  sum(values.map(([logprob]) => logprob)) / sum(values.map(([, units]) => units))

/** Aggregations by their names in lm-evaluation-harness. */
export const aggregations: Readonly<Record<string, Aggregation>> = {
  mean: (values) => mean(numbers(values)),
  nanmean: (values) => nanmean(numbers(values)),
  median: (values) => median(numbers(values)),
  perplexity: (values) => perplexity(numbers(values)),
  weighted_perplexity: (values) => exp(-weightedMean(pairs(values))),
  bits_per_byte: (values) => -weightedMean(pairs(values)) / Math.LN2,
  f1: (values) => f1(pairs(values)),
  matthews_corrcoef: (values) => matthews(pairs(values)),
  brier_score: (values) => brierScore(values as readonly (readonly [number, readonly number[]])[]),
  bypass: () => 999,
}

/** The upper one of two in the middle. */
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

function nanmean(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).length
  return numpySum(values.map((value) => (Number.isNaN(value) ? 0 : value))) / known
}

/** F1 of class 1 over `[gold, prediction]`. */
function f1(values: readonly (readonly [number, number])[]): number {
  const { truePositive, gold, predicted } = confusion(values)
  const precision = predicted === 0 ? 0 : truePositive / predicted
  const recall = gold === 0 ? 0 : truePositive / gold
  return truePositive === 0 ? 0 : (2 * precision * recall) / (precision + recall)
}

/** Matthews' correlation coefficient over `[gold, prediction]`, of any number of classes (Gorodkin 2004). */
function matthews(values: readonly (readonly [number, number])[]): number {
  const count = values.length
  const golds = new Map<number, number>()
  const predictions = new Map<number, number>()
  let right = 0
  for (const [gold, prediction] of values) {
    golds.set(gold, (golds.get(gold) ?? 0) + 1)
    predictions.set(prediction, (predictions.get(prediction) ?? 0) + 1)
    if (gold === prediction) right++
  }
  const squares = (counts: ReadonlyMap<number, number>) => sum([...counts.values()].map((n) => n * n))
  const products = sum([...golds].map(([label, n]) => n * (predictions.get(label) ?? 0)))
  const spread = (count * count - squares(predictions)) * (count * count - squares(golds))
  return spread === 0 ? 0 : (right * count - products) / Math.sqrt(spread)
}

/** Mean squared distance of the probabilities from the right answer, over `[gold, probabilities]`. */
const brierScore = (values: readonly (readonly [number, readonly number[]])[]) =>
  numpyMean(
    values.map(([gold, probabilities]) =>
      numpySum(probabilities.map((probability, i) => (probability - (i === gold ? 1 : 0)) ** 2)),
    ),
  )
