import { sum } from '../python/sum.ts'
import { square } from '../python/square.ts'
import { leafTasks, type Group, type GroupMetric } from '../tasks/group.ts'
import type { ResultEntry } from './task-result.ts'

/** The totals of a group, from the tasks below it at any depth. */
export function groupResult(group: Group, entries: Readonly<Record<string, ResultEntry>>): ResultEntry {
  const head = { alias: group.alias, name: group.name }
  if (group.metrics.length === 0) return head
  const leaves = leafTasks(group).flatMap((task) => entries[task] ?? [])
  const totals: Record<string, number | 'N/A'> = {}
  const counts: Record<string, number> = {}
  for (const metric of group.metrics) {
    for (const filter of filtersOf(metric, leaves)) {
      const key = `${metric.metric},${filter}`
      const scored = leaves.filter((entry) => key in entry)
      if (scored.length === 0) continue
      const sizes = scored.map(sizeOf)
      totals[key] = combinedMean(
        scored.map((entry) => Number(entry[key])),
        metric.weightBySize ? sizes : sizes.map(() => 1),
      )
      counts[key] = sum(sizes)
      const errors = scored.map((entry) => entry[`${metric.metric}_stderr,${filter}`])
      const isKnown = errors.every((error) => typeof error === 'number')
      totals[`${metric.metric}_stderr,${filter}`] = isKnown ? pooledStandardError(errors as number[], sizes) : 'N/A'
    }
  }
  return {
    ...head,
    sample_len: sum(leaves.map(sizeOf)),
    ...totals,
    ...(Object.keys(counts).length > 0 && { sample_count: counts }),
  }
}

const sizeOf = ({ sample_len: size = 0 }: ResultEntry) => size

/** The filters that the group names, else all under which a task has the metric. */
function filtersOf({ metric, filters }: GroupMetric, leaves: readonly ResultEntry[]): readonly string[] {
  if (filters) return filters
  const keys = leaves.flatMap((entry) => Object.keys(entry)).filter((key) => key.startsWith(`${metric},`))
  return [...new Set(keys.map((key) => key.slice(metric.length + 1)))].toSorted()
}

export const combinedMean = (values: readonly number[], sizes: readonly number[]): number =>
  sum(values.map((value, i) => value * (sizes[i] ?? 0))) / sum(sizes)

/** The error of the mean over all documents of several tasks: the root of their pooled variance over their number. */
export function pooledStandardError(errors: readonly number[], sizes: readonly number[]): number {
  const variances = errors.map((error, i) => {
    const size = sizes[i] ?? 0
    return (size - 1) * square(error) * size
  })
  const total = sum(sizes)
  return Math.sqrt(sum(variances) / (total - sizes.length) / total)
}
