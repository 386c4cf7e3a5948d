import type { GroupDefinition } from './task-definition.ts'

/** A score that the tasks of a group have in common. */
export interface GroupMetric {
  readonly metric: string
  /** Filters to aggregate under; undefined takes every one that a task has. */
  readonly filters?: readonly string[]
  readonly weightBySize: boolean
}

export interface Group {
  readonly name: string
  readonly alias: string
  readonly metrics: readonly GroupMetric[]
  /** Text, or `N/A`. */
  readonly version: string
  readonly children: readonly (GroupChild | Group)[]
}

/** A task of a group, by name. */
export interface GroupChild {
  readonly task: string
}

export const isSubgroup = (child: GroupChild | Group): child is Group => 'children' in child

export const childName = (child: GroupChild | Group): string => (isSubgroup(child) ? child.name : child.task)

/** Names of all tasks below a group, in order. */
export const leafTasks = (group: Group): string[] =>
  group.children.flatMap((child) => (isSubgroup(child) ? leafTasks(child) : [child.task]))

/** A group and all groups below it, each before its own. */
export const withSubgroups = (group: Group): Group[] => [
  group,
  ...group.children.filter(isSubgroup).flatMap(withSubgroups),
]

/** The metrics of a definition, defaults filled in. */
export function groupMetrics({ aggregate_metric_list: list = [] }: GroupDefinition): GroupMetric[] {
  return (Array.isArray(list) ? list : [list]).map(
    ({ metric, filter_list: filters, weight_by_size: weighted = true }) => ({
      metric,
      ...(filters !== undefined && { filters: typeof filters === 'string' ? [filters] : filters }),
      weightBySize: weighted,
    }),
  )
}
