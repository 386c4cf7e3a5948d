import { StemkitError } from '@stemkit/spec/errors'
import { didYouMean } from '../tasks/nearest.ts'
import type { Processors } from '../tasks/processors.ts'
import type { Task } from '../tasks/task.ts'
import type { MetricEntry } from '../tasks/task-definition.ts'
import { aggregations, type Aggregation } from './aggregations.ts'

interface MetricDefaults {
  readonly aggregation: string
  readonly higherIsBetter: boolean
}

const average: MetricDefaults = { aggregation: 'mean', higherIsBetter: true }

/** What a task need not say about metrics that are known. */
const known: Readonly<Record<string, MetricDefaults>> = {
  acc: average,
  acc_norm: average,
  acc_bytes: average,
  acc_mutual_info: average,
  exact_match: average,
  likelihood: average,
  f1: { aggregation: 'f1', higherIsBetter: true },
  mcc: { aggregation: 'matthews_corrcoef', higherIsBetter: true },
  brier_score: { aggregation: 'brier_score', higherIsBetter: false },
  perplexity: { aggregation: 'perplexity', higherIsBetter: false },
  word_perplexity: { aggregation: 'weighted_perplexity', higherIsBetter: false },
  byte_perplexity: { aggregation: 'weighted_perplexity', higherIsBetter: false },
  bits_per_byte: { aggregation: 'bits_per_byte', higherIsBetter: false },
}

export interface NamedAggregation {
  readonly name: string
  readonly aggregate: Aggregation
}

/** How the values of a metric become its total; the mean for a metric that the task does not list. */
export function aggregationOf(task: Task, metric: string, processors: Processors): NamedAggregation {
  const entry = task.metrics.find((listed) => listed.metric === metric)
  const name = entry ? (entry.aggregation ?? defaultsOf(task, metric).aggregation) : 'mean'
  const aggregate =
    processors.aggregations?.[name] ?? (Object.hasOwn(aggregations, name) ? aggregations[name] : undefined)
  if (aggregate) return { name, aggregate }
  const names = [...Object.keys(aggregations), ...Object.keys(processors.aggregations ?? {})]
  throw new StemkitError('not-found', `${task.name}: no aggregation is called ${name}${didYouMean(name, names)}`)
}

export const isHigherBetter = (task: Task, entry: MetricEntry): boolean =>
  entry.higher_is_better ?? defaultsOf(task, entry.metric).higherIsBetter

function defaultsOf(task: Task, metric: string): MetricDefaults {
  if (Object.hasOwn(known, metric)) return known[metric] as MetricDefaults
  throw new StemkitError(
    'bad-input',
    `${task.name}: metric_list must say aggregation and higher_is_better of ${metric}${didYouMean(metric, Object.keys(known))}`,
  )
}
