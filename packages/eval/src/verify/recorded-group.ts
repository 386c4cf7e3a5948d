import type { Group, GroupChild } from '../tasks/group.ts'
import type { TaskRegistry } from '../tasks/task-registry.ts'
import type { EvalRecord } from './record.ts'

/** The groups that a run was asked for: as the record has them, else ours of that name. */
export function recordedGroups(record: EvalRecord, registry: TaskRegistry): Group[] {
  const { run, tasks } = record
  const configs = record.group_configs ?? {}

  const ownGroups = (name: string): readonly Group[] =>
    name in tasks || !registry.names.includes(name) ? [] : registry.load([name]).groups
  const groupsNamed = (name: string): readonly Group[] => (configs[name] ? [recorded(name)] : ownGroups(name))
  const childNamed = (name: string): GroupChild | Group => groupsNamed(name)[0] ?? { task: name }
  const recorded = (name: string): Group => {
    const config = configs[name]
    return {
      name,
      alias: config?.alias ?? name,
      version: config?.version ?? 'N/A',
      metrics: (config?.aggregate_metric_list ?? []).map(({ metric, weight_by_size, filter_list }) => ({
        metric,
        weightBySize: weight_by_size,
        ...(filter_list !== null && { filters: [filter_list].flat() }),
      })),
      children: (config?.children ?? []).map(childNamed),
    }
  }
  return run.tasks.flatMap(groupsNamed)
}
