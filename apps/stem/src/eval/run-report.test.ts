import { createTaskRegistry, evaluate, formulaModel, resultFile, type EvalModel } from '@stemkit/eval'
import { renderReport } from '@stemkit/report'
import { expect, test } from 'vitest'
import { runReport } from './run-report.ts'

const registry = createTaskRegistry({
  definitions: [
    {
      task: 'long',
      dataset_path: 'long',
      test_split: 'test',
      output_type: 'multiple_choice',
      doc_to_text: '{{text}}',
      doc_to_choice: ['yes', 'no'],
      doc_to_target: '{{answer}}',
      metadata: { version: 1 },
    },
    {
      task: 'loud',
      dataset_path: 'long',
      test_split: 'test',
      doc_to_text: 'Say {{text}}',
      doc_to_target: '{{answer}}',
      metadata: { version: 1 },
    },
  ],
})
const rows = Array.from({ length: 300 }, (_, i) => ({
  text: `<img src=x onerror=alert(${i})> ${'word '.repeat(i % 7 === 0 ? 40_000 : 10 * i)}?`,
  answer: i % 2,
}))

async function reportOf(model: EvalModel): Promise<string> {
  const tasks = ['long', 'loud']
  const run = await evaluate({ tasks, registry, model, rows: async () => rows, bootstrapRounds: 0 })
  const contents = await resultFile(run, { modelSource: 'stem', modelName: '<b>model</b>', date: 0, seconds: 75 })
  const told = { contents, model, logSamples: true, signal: new AbortController().signal }
  return renderReport(await runReport(run, told))
}

test('a report of long texts is small, safe, and says what it leaves out', async () => {
  const page = await reportOf({ ...formulaModel, countTokens: (text) => text.split(' ').length })
  expect(page.length).toBeLessThan(500_000)
  expect(page).not.toMatch(/<img|<b>model/)
  expect(page.match(/<details>/g)).toHaveLength(48)
  expect(page).toContain(
    '24 of 300 samples: the first that are wrong and the first that are not. All are in samples_long.jsonl.',
  )
  expect(page).toMatch(/\[… \d+ characters …\]/)
  expect(page).toContain('Scores by length of the prompt')
  expect(page).toMatch(/0–2k.*32k\+/s)
})

test('without a way to count tokens there are no lengths', async () => {
  const { countTokens: _, ...model } = { countTokens: undefined, ...formulaModel }
  expect(await reportOf(model)).not.toContain('Scores by length')
})
