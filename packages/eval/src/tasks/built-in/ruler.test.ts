import { describe, expect, it } from 'vitest'
import { splitWords } from '../../python/text.ts'
import { readSharedRecord } from '../../testing/read-record.ts'
import type { EvalRecord } from '../../verify/record.ts'
import { verifyRecord } from '../../verify/verify-record.ts'
import { createTaskRegistry } from '../task-registry.ts'
import type { Row } from '../rows.ts'
import { rulerTasks } from './ruler.ts'

const registry = createTaskRegistry(rulerTasks())
const countTokens = (text: string) => splitWords(text).length
const essay = Array.from({ length: 2000 }, (_, i) => `Sentence number ${i}.`).join('\n')
const record = readSharedRecord('niah_single_1.4096') as EvalRecord | undefined

describe("RULER's needles", () => {
  it.skipIf(!record)('are those of the harness, word for word (needs shared/oracle-eval)', async () => {
    const metadata = { num_samples: 4 }
    const { test = [] } = (await registry.processors.datasets?.niah_single_1?.({ metadata, countTokens })) ?? {}
    expect(test).toEqual(record?.tasks.niah_single_1?.docs.map(({ row }) => row))
  })

  for (const name of ['niah_single_1.4096', 'scripted/niah_single_1.4096']) {
    const recorded = readSharedRecord(name)
    it.skipIf(!recorded)(`rebuild the record ${name} (needs shared/oracle-eval)`, async () => {
      const [verified] = await verifyRecord(recorded as EvalRecord, registry)
      expect(verified).toMatchObject({ ok: true, mismatches: [] })
      expect(verified?.differs ?? []).toEqual([])
    })
  }

  it.each(registry.load(['ruler_niah']).groups[0]?.children ?? [])(
    'make rows of several lengths: %o',
    async (child) => {
      const name = 'task' in child ? child.task : ''
      const { datasets } = rulerTasks({ essay, lengths: [600, 900], count: 2 }).processors ?? {}
      const { test = [] } = (await datasets?.[name]?.({ metadata: {}, countTokens })) ?? {}
      expect(test.map(({ index, max_length: length }) => [index, length])).toEqual([
        [0, 600],
        [1, 600],
        [0, 900],
        [1, 900],
      ])
    },
  )

  it('take their essays from a data set where no text is given', async () => {
    const rows = async ({ path, split }: { path: string; split: string }): Promise<Row[] | undefined> =>
      path === 'baber/paul_graham_essays' && split === 'train' ? [{ text: essay }, { text: 'The end.' }] : undefined
    const metadata = { max_seq_lengths: [800], num_samples: 1 }
    const make = registry.processors.datasets?.niah_single_2
    expect((await make?.({ metadata, countTokens, rows }))?.test?.[0]?.input).toContain('Sentence number 20.')
    await expect(make?.({ metadata, countTokens })).rejects.toThrow('baber/paul_graham_essays is not at hand')
  })

  it('score each length for itself', () => {
    const { results, aggregations } = registry.processors
    const row = { outputs: ['1234567', '7654321'], max_length: 8192 }
    expect(results?.ruler?.(row, ['1234567'])).toEqual({ 4096: -1, 8192: 0.5 })
    expect(results?.ruler?.({ ...row, max_length: 4096 }, ['none'])).toEqual({ 4096: 0 })
    expect(aggregations?.ruler?.([-1, 0.5, 1])).toBe(0.75)
    expect(aggregations?.ruler?.([-1])).toBe(-1)
  })

  it('name a metric for every length that is asked for', () => {
    const { definitions } = rulerTasks({ lengths: [1000] })
    const [task] = definitions
    expect(task && 'metric_list' in task && task.metric_list?.map(({ metric }) => metric)).toContain('1000')
  })

  it('say what they need', async () => {
    const make = registry.processors.datasets?.niah_single_1
    await expect(make?.({ metadata: {} })).rejects.toThrow('does not count tokens')
    await expect(make?.({ metadata: { num_samples: 0 }, countTokens })).rejects.toThrow('num_samples must be positive')
    await expect(make?.({ metadata: { max_seq_lengths: [150] }, countTokens })).rejects.toThrow('no question fits')
  })
})
