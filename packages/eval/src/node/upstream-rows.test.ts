import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readSharedRecord } from '../testing/read-record.ts'
import type { Row } from '../tasks/rows.ts'
import { upstreamRows } from './upstream-rows.ts'

const folder = fileURLToPath(new URL('../../../../../shared/data/eval', import.meta.url))

interface Recorded {
  readonly configs: Readonly<Record<string, Readonly<Record<string, string | null>>>>
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly docs: readonly { readonly doc_id: number; readonly row: Row }[]
        readonly eval_split_size: number
        readonly fewshot?: { readonly pool_size: number; readonly pool_rows: readonly { index: number; row: Row }[] }
      }
    >
  >
}

const names = [
  ...['arc_easy', 'arc_challenge', 'openbookqa', 'boolq', 'piqa', 'social_iqa', 'winogrande', 'hellaswag'].map(
    (name) => `${name}.5shot`,
  ),
  ...['gsm8k', 'lambada_openai', 'wikitext', 'bbh_cot_fewshot', 'leaderboard_bbh', 'leaderboard_musr', 'longbench'].map(
    (name) => `${name}.default`,
  ),
  'mmlu.5shot',
]

/** Rows of LongBench are whole here, and cut in the records; the classes are not in the prompts. */
const comparable = (row: Row, dataset: string): Row => {
  if (dataset !== 'Xnhyacinth/LongBench') return row
  const { context, length: _, all_classes: __, ...rest } = row
  return { ...rest, context: [...String(context)].slice(0, 2000).join('') }
}

describe.skipIf(!existsSync(folder))('data sets as published (shared/data/eval)', () => {
  test.each(names)('%s has the rows of the record', async (name) => {
    const record = readSharedRecord(name) as Recorded
    const rows = upstreamRows(folder)
    for (const [task, { docs, eval_split_size, fewshot }] of Object.entries(record.tasks)) {
      const config = record.configs[task]!
      const path = config['dataset_path']!
      const of = async (split: string | null | undefined): Promise<readonly Row[]> =>
        (await rows({ path, split: split!, ...(config['dataset_name'] && { name: config['dataset_name'] }) })) ?? []
      const found = await of(config['test_split'] ?? config['validation_split'])
      expect(found, task).toHaveLength(eval_split_size)
      const expected = docs.map(({ row }) => comparable(row, path))
      expect(docs.map(({ doc_id }) => comparable(found[doc_id]!, path))).toEqual(expected)
      const split = config['fewshot_split'] ?? config['training_split']
      if (!split || !fewshot || fewshot.pool_rows.length === 0) continue
      const pool = await of(split)
      expect(pool, `${task}, ${split}`).toHaveLength(fewshot.pool_size)
      // Some have columns more, which `process_docs` made.
      for (const { index, row } of fewshot.pool_rows) expect(row).toMatchObject(pool[index]!)
    }
  })

  test('a data set or split that is not there is named', async () => {
    const rows = upstreamRows(folder)
    await expect(rows({ path: 'some/thing', split: 'test' })).rejects.toThrow('some/thing is not among the data sets')
    await expect(rows({ path: 'cais/mmlu', name: 'alchemy', split: 'test' })).rejects.toThrow(
      'has no files of cais/mmlu (alchemy), split test',
    )
  })
})
