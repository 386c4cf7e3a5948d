import { StemkitError } from '@stemkit/spec/errors'
import { checkDefinition, isGroup, type Definition } from './check-definition.ts'
import { groupMetrics, leafTasks, type Group, type GroupChild } from './group.ts'
import { didYouMean } from './nearest.ts'
import { mergeProcessors, type Processors } from './processors.ts'
import type { GroupDefinition, TaskDefinition } from './task-definition.ts'

/** Tasks and groups with the code that they name. */
export interface TaskSet {
  readonly definitions: readonly Definition[]
  readonly processors?: Processors
}

export interface LoadedTasks {
  /** By name, each once, in the order in which they are asked for. */
  readonly tasks: ReadonlyMap<string, TaskDefinition>
  /** Groups that were asked for by name. */
  readonly groups: readonly Group[]
}

export interface TaskRegistry {
  /** Names of all tasks, groups and tags, sorted. */
  readonly names: readonly string[]
  readonly processors: Processors
  /** Tasks, groups and tags by name, to be run together. Throws on a name that is not known, and on a task that is asked for twice. */
  load(names: readonly string[]): LoadedTasks
}

/** Knows tasks by name; of several sets, a later one replaces what it names again. */
export function createTaskRegistry(...sets: readonly TaskSet[]): TaskRegistry {
  const tasks = new Map<string, TaskDefinition>()
  const groups = new Map<string, GroupDefinition>()
  for (const definition of sets.flatMap((set) => set.definitions)) {
    const checked = checkDefinition(definition, `task ${isGroup(definition) ? definition.group : definition.task}`)
    if (isGroup(checked)) groups.set(checked.group, checked)
    else tasks.set(checked.task, checked)
  }
  const tags = tagsOf(tasks.values())
  const names = [...new Set([...tasks.keys(), ...groups.keys(), ...tags.keys()])].toSorted()

  /** A task, a group, or the tasks of a tag. */
  const resolve = (name: string, path: readonly string[]): (GroupChild | Group)[] => {
    const group = groups.get(name)
    if (path.includes(name))
      throw new StemkitError('bad-input', `group ${name} is within itself: ${[...path, name].join(' > ')}`)
    if (group) return [buildGroup(group, [...path, name])]
    if (tasks.has(name)) return [{ task: name }]
    const tagged = tags.get(name)
    if (tagged) return tagged.map((task) => ({ task }))
    const where = path.length > 0 ? ` in group ${path.at(-1)}` : ''
    throw new StemkitError('not-found', `no task or group is called ${name}${where}${didYouMean(name, names)}`)
  }
  const buildGroup = (definition: GroupDefinition, path: readonly string[]): Group => {
    const { group: name, group_alias: alias = name, task, metadata } = definition
    return {
      name,
      alias,
      metrics: groupMetrics(definition),
      version: String(metadata?.version ?? 'N/A'),
      children: [task].flat().flatMap((child) => resolve(child, path)),
    }
  }

  return {
    names,
    processors: mergeProcessors(...sets.map((set) => set.processors ?? {})),
    load(asked) {
      const loaded = new Map<string, TaskDefinition>()
      const from = new Map<string, string>()
      const topGroups: Group[] = []
      for (const name of asked) {
        for (const item of resolve(name, [])) {
          const isGroupItem = 'children' in item
          if (isGroupItem) topGroups.push(item)
          for (const task of isGroupItem ? leafTasks(item) : [item.task]) {
            const source = from.get(task) ?? name
            if (source !== name)
              throw new StemkitError('bad-input', `task ${task} is asked for twice: by ${source} and ${name}`)
            from.set(task, name)
            loaded.set(task, tasks.get(task) as TaskDefinition)
          }
        }
      }
      return { tasks: loaded, groups: topGroups }
    },
  }
}

/** Names of tasks by the tags that they have, sorted. */
function tagsOf(tasks: Iterable<TaskDefinition>): Map<string, string[]> {
  const tags = new Map<string, string[]>()
  for (const { task, tag = [] } of tasks)
    for (const name of [tag].flat()) tags.set(name, [...(tags.get(name) ?? []), task])
  return new Map([...tags].map(([name, tagged]) => [name, tagged.toSorted()]))
}
