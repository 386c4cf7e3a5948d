import { beforeAll, describe, expect, it } from 'vitest'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts'
import { readRecord } from '../testing/read-record.ts'
import { recordNames } from '../testing/records.ts'
import { isEvalRecord, type EvalRecord } from './record.ts'
import { verifyRecord } from './verify-record.ts'

let registry: TaskRegistry
beforeAll(() => {
  registry = createTaskRegistry(builtInTasks)
})

const runs = recordNames().filter((name) => isEvalRecord(readRecord(name)))
const copyOf = (name: string) => structuredClone(readRecord(name)) as Mutable<EvalRecord>
type Mutable<T> = { -readonly [K in keyof T]: Mutable<T[K]> }

describe('records of lm-evaluation-harness', () => {
  it.each(runs)('%s is rebuilt to the last digit', async (name) => {
    for (const task of await verifyRecord(readRecord(name) as EvalRecord, registry)) {
      expect(task).toMatchObject({ ok: true, mismatches: [] })
    }
  })

  it.each(runs.filter((name) => !name.startsWith('custom')))('%s is of tasks that are defined here', async (name) => {
    for (const task of await verifyRecord(readRecord(name) as EvalRecord, registry)) {
      expect(task).not.toHaveProperty('differs')
    }
  })

  it('says which are of tasks that are not', async () => {
    const [foreign] = await verifyRecord(readRecord('custom/integer_text.0shot') as EvalRecord, registry)
    const [ours] = await verifyRecord(readRecord('gsm8k.0shot') as EvalRecord, registry)
    expect([foreign?.isForeign, ours?.isForeign]).toEqual([true, undefined])
  })
})

describe('a difference', () => {
  const differing = async (name: string, change: (record: Mutable<EvalRecord>) => void) => {
    const record = copyOf(name)
    change(record)
    const tasks = await verifyRecord(record as EvalRecord, registry)
    return tasks.flatMap(({ name: task, mismatches }) => mismatches.map(({ at }) => `${task}: ${at}`))
  }

  it('in the last digit of a total is found', async () => {
    const differences = await differing('custom/integer_text.0shot', (record) => {
      const { integer_text: entry } = record.result['results'] as Record<string, Record<string, number>>
      const key = 'perplexity_stderr,none'
      if (entry) entry[key] = (entry[key] ?? 0) * (1 + Number.EPSILON)
    })
    expect(differences).toEqual(['integer_text: result.results.integer_text.perplexity_stderr,none'])
  })

  it('in a prompt is found where it is, and in its hash', async () => {
    const differences = await differing('mmlu.default', (record) => {
      const [doc] = record.tasks['mmlu_anatomy']?.docs ?? []
      if (doc) doc.row = { ...doc.row, question: 'Which?' }
    })
    const at = 'mmlu_anatomy: samples[0].'
    for (let choice = 0; choice < 4; choice++) expect(differences).toContain(`${at}arguments[${choice}][0]`)
    expect(differences).toEqual(expect.arrayContaining([`${at}doc_hash`, `${at}prompt_hash`]))
  })

  it('in a draw of shots is found', async () => {
    const differences = await differing('gsm8k.default', (record) => {
      const [draw] = record.tasks['gsm8k']?.fewshot?.draws ?? []
      draw?.used.reverse()
    })
    expect(differences).toEqual([
      'gsm8k: fewshot.draws[0].used[0]',
      expect.any(String),
      expect.any(String),
      expect.any(String),
    ])
  })

  it('in a table is found', async () => {
    expect(await differing('mmlu.5shot', (record) => (record.table = record.table.replace('±', '+')))).toEqual([
      'mmlu_abstract_algebra: table',
    ])
  })

  it('of a task from ours is honoured and named', async () => {
    const record = copyOf('gsm8k.0shot')
    const config = record.configs['gsm8k'] as Record<string, unknown>
    record.configs = { gsm8k: { ...config, doc_to_text: 'Q: {{question}}' } }
    const [task] = await verifyRecord(record as EvalRecord, registry)
    expect(task?.differs).toEqual(['text'])
    expect(task?.mismatches[0]?.actual).toMatch(/^"Q: /)
  })

  it('that keeps a record from being built is one, too', async () => {
    const missing = await differing('gsm8k.default', (record) => record.tasks['gsm8k']?.fewshot?.pool_rows.splice(0, 1))
    expect(missing[0]).toBe('gsm8k: task')
  })
})
