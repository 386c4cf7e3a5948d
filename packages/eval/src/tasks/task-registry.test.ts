import { describe, expect, it } from 'vitest'
import { checkDefinition } from './check-definition.ts'
import { leafTasks } from './group.ts'
import { createTaskRegistry } from './task-registry.ts'
import type { TaskDefinition } from './task-definition.ts'

const task = (name: string, more: Partial<TaskDefinition> = {}): TaskDefinition => ({
  task: name,
  test_split: 'test',
  ...more,
})

describe('a definition', () => {
  it('may have fields that are null', () => {
    expect(checkDefinition({ task: 'a', dataset_name: null }, 'a.yaml')).toEqual({ task: 'a' })
  })

  it.each([
    [{ task: 'a', doc_to_txt: 'x' }, 'a.yaml: unknown field doc_to_txt; did you mean doc_to_text?'],
    [{ task: 'a', fewshot_config: { sampler: 'last_n' } }, 'a.yaml: fewshot_config.sampler: '],
    [{ task: 'a', num_fewshot: -1 }, 'a.yaml: num_fewshot: '],
    [{ task: 'a', output_type: 'multiple_choise' }, 'a.yaml: output_type: '],
    [{ group: 'g', tasks: ['a'] }, 'a.yaml: task: '],
    [{ dataset_path: 'x' }, 'a.yaml: neither task nor group is named'],
    ['text', 'a.yaml: a task is a mapping'],
  ])('%j is refused', (definition, message) => {
    expect(() => checkDefinition(definition, 'a.yaml')).toThrow(message)
  })
})

describe('a registry', () => {
  const registry = createTaskRegistry(
    { definitions: [task('a', { tag: 'letters' }), task('b', { tag: ['letters', 'late'] }), task('c')] },
    {
      definitions: [
        { group: 'inner', task: 'letters' },
        { group: 'outer', group_alias: 'all', task: ['inner', 'c'] },
      ],
    },
  )

  it('loads tasks, groups and tags in the order in which they are asked for', () => {
    const { tasks, groups } = registry.load(['c', 'inner'])
    expect([...tasks.keys()]).toEqual(['c', 'a', 'b'])
    expect(groups.map(({ name }) => name)).toEqual(['inner'])
    expect([...registry.load(['late']).tasks.keys()]).toEqual(['b'])
  })

  it('knows groups within groups', () => {
    const [outer] = registry.load(['outer']).groups
    expect(outer).toMatchObject({ alias: 'all', version: 'N/A', children: [{ name: 'inner' }, { task: 'c' }] })
    expect(outer && leafTasks(outer)).toEqual(['a', 'b', 'c'])
  })

  it('names what is near to an unknown name', () => {
    expect(() => registry.load(['outr'])).toThrow('no task or group is called outr; did you mean outer?')
    const broken = createTaskRegistry({ definitions: [{ group: 'g', task: 'x' }] })
    expect(() => broken.load(['g'])).toThrow('no task or group is called x in group g')
  })

  it('refuses a task that is asked for twice, and a group within itself', () => {
    expect(() => registry.load(['outer', 'a'])).toThrow('task a is asked for twice: by outer and a')
    const circle = createTaskRegistry({
      definitions: [
        { group: 'g', task: 'h' },
        { group: 'h', task: 'g' },
      ],
    })
    expect(() => circle.load(['g'])).toThrow('group g is within itself: g > h > g')
  })

  it('lets a later set replace a task', () => {
    const replaced = createTaskRegistry({ definitions: [task('a')] }, { definitions: [task('a', { num_fewshot: 3 })] })
    expect(replaced.load(['a']).tasks.get('a')?.num_fewshot).toBe(3)
  })
})
