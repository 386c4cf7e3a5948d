import { beforeAll, describe, expect, it } from 'vitest'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts'
import { readRecord } from '../testing/read-record.ts'
import type { EvalRecord, RecordedConfig } from './record.ts'
import { recordedTask } from './recorded-task.ts'
import { verifyRecord } from './verify-record.ts'

let registry: TaskRegistry
beforeAll(() => {
  registry = createTaskRegistry(builtInTasks)
})

const recordOf = (name: string) => readRecord(name) as EvalRecord

/** The outcome of a record whose configs are changed. */
async function verifyWith(record: EvalRecord, task: string, change: RecordedConfig) {
  const configs = { ...record.configs, [task]: { ...record.configs[task], ...change } }
  const tasks = await verifyRecord({ ...record, configs }, registry)
  return tasks.find(({ name }) => name === task)
}

describe('how shots are drawn and written', () => {
  it.each<[RecordedConfig, readonly string[]]>([
    [{ fewshot_split: 'test' }, ['shots.split']],
    [{ fewshot_sampler: 'first_n' }, ['shots.sampler']],
    [{ test_split: 'other' }, ['test_split']],
    [{ fewshot_config: { target_delimiter: '=' } }, ['shots.targetDelimiter']],
    [{ fewshot_config: { fewshot_delimiter: '\n' } }, ['shots.fewshotDelimiter']],
    [{ fewshot_config: { doc_to_text: '{{question}}' } }, ['shots.text']],
    [{ target_delimiter: '=' }, ['targetDelimiter']],
  ])('is taken from the record where it says %j', (change, differs) => {
    const { configs, run } = recordOf('gsm8k.default')
    const recorded = recordedTask('gsm8k', { ...configs['gsm8k'], ...change }, run, registry)
    expect(recorded.differs).toEqual(differs)
  })

  it('shows in the draws: a pool that is the evaluated split draws one more', async () => {
    const outcome = await verifyWith(recordOf('gsm8k.default'), 'gsm8k', { fewshot_split: 'test' })
    expect(outcome).toMatchObject({ ok: false, differs: ['shots.split'] })
  })

  it('is as recorded where our task has it otherwise', async () => {
    const record = recordOf('mmlu.5shot')
    const definitions = builtInTasks.definitions.map((own) => {
      if ('group' in own || own.task !== 'mmlu_anatomy') return own
      const { fewshot_config: _, ...drawn } = own
      return drawn
    })
    const tasks = await verifyRecord(record, createTaskRegistry({ ...builtInTasks, definitions }))
    expect(tasks.filter(({ ok }) => !ok)).toEqual([])
    expect(tasks.find(({ name }) => name === 'mmlu_anatomy')?.differs).toEqual(['shots.sampler'])
  })
})

describe('forms of real configs', () => {
  it.each<[string, RecordedConfig]>([
    ['code without effect', { should_decontaminate: true, doc_to_decontamination_query: '(python function)' }],
    ['fields that are not known here', { unsafe_code: false, use_prompt: null }],
    ['nulls within', { fewshot_config: { split: null, process_docs: null, fewshot_indices: null, gen_prefix: null } }],
    ['code of shots', { fewshot_config: { doc_to_text: '(python function)' } }],
  ])('%s', async (_, change) => {
    const outcome = await verifyWith(recordOf('gsm8k.default'), 'gsm8k', change)
    expect(outcome).toEqual({ name: 'gsm8k', fewshot: 5, ok: true, mismatches: [] })
  })

  it('a group of ours without a description of its own', async () => {
    const { group_configs: _, ...record } = recordOf('leaderboard_musr.default')
    const tasks = await verifyRecord(record, registry)
    expect(tasks.filter(({ ok }) => !ok)).toEqual([])
    expect(tasks.at(-1)?.name).toBe('leaderboard_musr')
  })
})
