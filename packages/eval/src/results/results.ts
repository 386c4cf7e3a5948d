import { childName, isSubgroup, withSubgroups, type Group } from '../tasks/group.ts'
import { groupResult } from './group-result.ts'
import type { ResultEntry, TaskResult } from './task-result.ts'

/** The results of a run as lm-evaluation-harness has them. */
export interface EvalResults {
  readonly results: Readonly<Record<string, ResultEntry>>
  /** Groups that have a score of their own; absent where none has. */
  readonly groups?: Readonly<Record<string, ResultEntry>>
  readonly group_subtasks: Readonly<Record<string, readonly string[]>>
  readonly versions: Readonly<Record<string, string | number>>
  readonly 'n-shot': Readonly<Record<string, number>>
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>
  readonly 'n-samples': Readonly<Record<string, { readonly original: number; readonly effective: number }>>
}

/**
 * Puts the results of tasks and their groups together.
 * @param groups those that were asked for; the groups below them are found through them
 */
export function assembleResults(tasks: Readonly<Record<string, TaskResult>>, groups: readonly Group[]): EvalResults {
  const all = [...new Map(groups.flatMap(withSubgroups).map((group) => [group.name, group])).values()]
  const results: Record<string, ResultEntry> = mapValues(tasks, ({ entry }) => entry)
  const versions: Record<string, string | number> = mapValues(tasks, ({ version }) => version)
  const shots: Record<string, number> = mapValues(tasks, ({ numFewshot }) => numFewshot)
  const better: Record<string, Record<string, boolean | null>> = mapValues(tasks, ({ higherIsBetter }) => ({
    ...higherIsBetter,
  }))
  for (const group of childrenFirst(groups)) {
    results[group.name] = groupResult(group, results)
    versions[group.name] = group.version
  }
  // A group sees what is known of its children when its turn comes: of subgroups, which come after it, nothing.
  for (const group of all) {
    const directions = commonDirections(group, better)
    if (Object.keys(directions).length > 0) better[group.name] = directions
  }
  for (const group of all) {
    const counts = new Set(group.children.flatMap((child) => shots[childName(child)] ?? []))
    const [count] = counts
    if (counts.size === 1 && count !== undefined) shots[group.name] = count
  }
  const scored = all.filter(({ metrics }) => metrics.length > 0).map(({ name }) => name)
  return {
    results,
    ...(scored.length > 0 && {
      groups: Object.fromEntries(Object.entries(results).filter(([name]) => scored.includes(name))),
    }),
    group_subtasks: Object.fromEntries(all.map(({ name, children }) => [name, children.map(childName)])),
    versions: sorted(versions),
    'n-shot': sorted(shots),
    higher_is_better: sorted(better),
    'n-samples': mapValues(tasks, ({ samples }) => samples),
  }
}

const childrenFirst = (groups: readonly Group[]): Group[] => [
  ...new Set(groups.flatMap((group) => [...childrenFirst(group.children.filter(isSubgroup)), group])),
]

/** Per metric whether higher is better; null where children disagree. */
function commonDirections(group: Group, better: Readonly<Record<string, Readonly<Record<string, boolean | null>>>>) {
  const common: Record<string, boolean | null> = {}
  for (const child of group.children) {
    for (const [metric, isBetter] of Object.entries(better[childName(child)] ?? {})) {
      common[metric] = metric in common && common[metric] !== isBetter ? null : isBetter
    }
  }
  return common
}

const mapValues = <T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)))
