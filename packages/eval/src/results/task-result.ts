import type { TaskPlan } from '../run/plan-task.ts'
import type { Sample } from '../run/score-task.ts'
import { aggregationOf, isHigherBetter } from '../scores/metric-defaults.ts'
import { standardError } from '../scores/standard-error.ts'
import type { MetricValue } from '../tasks/processors.ts'

/** Totals by `metric,filter`, their errors by `metric_stderr,filter`, and what they are of. */
export interface ResultEntry {
  readonly name: string
  readonly alias: string
  readonly sample_len?: number
  readonly [key: string]: unknown
}

export interface TaskResult {
  readonly entry: ResultEntry
  readonly version: string | number
  readonly numFewshot: number
  readonly higherIsBetter: Readonly<Record<string, boolean>>
  readonly samples: { readonly original: number; readonly effective: number }
}

/**
 * The totals of a task.
 * @param rounds of the bootstrap, for errors that have no closed form
 */
export function taskResult(
  { task, context, splitSize }: TaskPlan,
  samples: readonly Sample[],
  rounds: number,
): TaskResult {
  const totals: Record<string, number | 'N/A'> = {}
  let count = 0
  for (const [filter, metrics] of valuesByFilter(samples)) {
    for (const [metric, values] of metrics) {
      const { name, aggregate } = aggregationOf(task, metric, context.processors)
      totals[`${metric},${filter}`] = aggregate(values)
      totals[`${metric}_stderr,${filter}`] = standardError(name, values, rounds)
      count = values.length
    }
  }
  return {
    entry: { name: task.name, alias: task.alias, sample_len: count, ...totals },
    version: task.version,
    numFewshot: task.numFewshot,
    higherIsBetter: Object.fromEntries(task.metrics.map((entry) => [entry.metric, isHigherBetter(task, entry)])),
    samples: { original: splitSize, effective: count },
  }
}

/** What each metric recorded, document by document. */
function valuesByFilter(samples: readonly Sample[]): Map<string, Map<string, MetricValue[]>> {
  const filters = new Map<string, Map<string, MetricValue[]>>()
  for (const { filter, metrics } of samples) {
    const values = filters.get(filter) ?? new Map<string, MetricValue[]>()
    filters.set(filter, values)
    for (const [metric, value] of Object.entries(metrics)) {
      const column = values.get(metric)
      if (column) column.push(value)
      else values.set(metric, [value])
    }
  }
  return filters
}
