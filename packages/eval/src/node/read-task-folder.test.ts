import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { planRun } from '../run/plan-run.ts'
import { createTaskRegistry } from '../tasks/task-registry.ts'
import { readTaskFolder } from './read-task-folder.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-tasks-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = async (files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

const common = `
dataset_path: capitals
test_split: test
output_type: multiple_choice
doc_to_text: "Capital of {{country}}?"
doc_to_target: "{{city}}"
doc_to_choice: [Paris, Rome]
`

describe('a folder of tasks', () => {
  it('has one in each file, with what the file includes and the code that it names', async () => {
    await write({
      '_common.yaml': common,
      'europe/capitals.yaml': 'include: ../_common.yaml\ntask: capitals\ntarget_delimiter: "\\n"\n',
      'europe/shouted.yaml': 'include: ../_common.yaml\ntask: shouted\nprocess_docs: shout\n',
      'geography.yml':
        'group: geography\ntask: [capitals, shouted]\naggregate_metric_list: {metric: acc}\nmetadata: {version: 3.0}\n',
      'processors.ts': `export default { documents: { shout: (row: { country: string }) => ({ ...row, country: row.country.toUpperCase() }) } }`,
    })
    const registry = createTaskRegistry(await readTaskFolder(folder))
    expect(registry.names).toEqual(['capitals', 'geography', 'shouted'])
    const rows = async () => [{ country: 'France', city: 'Paris' }]
    const plan = await planRun({ tasks: ['geography'], registry, rows })
    expect(plan.groups[0]).toMatchObject({ version: '3.0', metrics: [{ metric: 'acc', weightBySize: true }] })
    expect(plan.requests).toEqual([
      { kind: 'loglikelihood', context: 'Capital of France?', continuation: '\nParis' },
      { kind: 'loglikelihood', context: 'Capital of France?', continuation: '\nRome' },
      { kind: 'loglikelihood', context: 'Capital of FRANCE?', continuation: ' Paris' },
      { kind: 'loglikelihood', context: 'Capital of FRANCE?', continuation: ' Rome' },
    ])
  })

  it.each([
    [{ 'a.yaml': 'task: a\nnum_fewshots: 3\n' }, 'a.yaml: unknown field num_fewshots; did you mean num_fewshot?'],
    [{ 'a.yaml': 'include: b.yaml\ntask: a\n' }, 'a.yaml includes b.yaml, which is not there'],
    [
      { 'a.yaml': 'include: _b.yaml\ntask: a\n', '_b.yaml': 'include: a.yaml\n' },
      'a.yaml includes itself, through a.yaml, _b.yaml',
    ],
    [{ 'a.yaml': 'task: a\n', 'b/a.yaml': 'task: a\n' }, 'b/a.yaml: a is in a.yaml already'],
    [{ 'a.yaml': 'task: [a\n' }, 'a.yaml: '],
    [{ 'a.yaml': 'task: a\nprocess_docs: !function utils.process\n' }, 'tasks are data here: name a processor instead'],
    [{ 'a.txt': 'task: a\n' }, 'has no tasks; they are files that end in .yaml'],
    [
      { 'a.yaml': 'task: a\n', 'processors.js': 'export const shout = 1\n' },
      'its default export must be an object of processors',
    ],
  ])('with %j is refused', async (files, message) => {
    await write(files as Record<string, string>)
    await expect(readTaskFolder(folder)).rejects.toThrow(message)
  })
})
