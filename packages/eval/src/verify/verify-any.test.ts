import { beforeAll, describe, expect, it } from 'vitest'
import { builtInTasks } from '../tasks/built-in-tasks.ts'
import { createTaskRegistry, type TaskRegistry } from '../tasks/task-registry.ts'
import { readRecord } from '../testing/read-record.ts'
import { verifyAny } from './verify-any.ts'

let registry: TaskRegistry
beforeAll(() => {
  registry = createTaskRegistry(builtInTasks)
})

/** The parts of a record that are changed here; the rest stays as it is. */
interface Changeable {
  run: Record<string, unknown> | null
  tasks: Record<string, { docs: { row: Record<string, unknown> }[]; samples: { resps: unknown[] }[] } | undefined>
  result: unknown
  units: Record<string, Record<string, unknown>[]>
  cases: Record<string, unknown>[]
}

async function verifyChanged(name: string, change: (record: Changeable) => void) {
  const record = structuredClone(readRecord(name)) as Changeable
  change(record)
  const tasks = (await verifyAny(name, record, registry)) ?? []
  return tasks.filter(({ ok }) => !ok).map(({ name: task, mismatches }) => `${task}: ${mismatches[0]?.at}`)
}

describe('an odd record is a difference where it is odd, never an error', () => {
  it.each<[string, string, (record: Changeable) => void, readonly string[]]>([
    ['a run of nothing', 'gsm8k.0shot', (record) => (record.run = null), ['gsm8k.0shot: record']],
    ['totals of nothing', 'gsm8k.0shot', (record) => (record.result = null), ['gsm8k.0shot: record']],
    [
      'a task without documents',
      'mmlu.default',
      (record) => (record.tasks['mmlu_anatomy'] = {} as never),
      ['mmlu_abstract_algebra: result.results.mmlu_anatomy', 'mmlu_anatomy: task'],
    ],
    [
      'an answer that is missing',
      'scripted/gsm8k.0shot',
      (record) => record.tasks['gsm8k']?.samples[0]?.resps.splice(0, 1),
      ['gsm8k: task'],
    ],
    [
      'a row that lacks a column',
      'hellaswag.default',
      (record) => delete record.tasks['hellaswag']?.docs[0]?.row['endings'],
      ['hellaswag: task'],
    ],
    ['a case of a unit', 'units', (record) => (record.units['softmax'] = [{ in: null }]), ['units.softmax: softmax']],
    ['needles without arguments', 'niah-generator', (record) => delete record.cases[1]?.['args'], ['needles.1: case']],
  ])('%s', async (_, name, change, expected) => {
    expect(await verifyChanged(name, change)).toEqual(expected)
  })
})

describe('what the harness takes is taken', () => {
  it('a stop that is one text', async () => {
    const differing = await verifyChanged('units', ({ units }) => {
      const lists = units['stop']?.filter(({ stop }) => Array.isArray(stop) && stop.length === 1) ?? []
      expect(lists).not.toEqual([])
      for (const one of lists) one['stop'] = (one['stop'] as unknown[])[0]
    })
    expect(differing).toEqual([])
  })

  it.each([undefined, null])('a seed of %s: 1234', async (seed) => {
    const differing = await verifyChanged('gsm8k.default', (record) => {
      record.run = { ...record.run, fewshot_random_seed: seed }
    })
    expect(differing).toEqual([])
  })
})

it('what is no record is told from one', async () => {
  expect(await verifyAny('index', { a: 1 }, registry)).toBeUndefined()
})
