import { createTaskRegistry, evaluate, formulaModel, resultFile } from '@stemkit/eval'
import { expect, test } from 'vitest'
import { chanceOf, type ResultFile } from './task-scores.ts'

const task = (name: string, metrics: readonly string[]) => ({
  task: name,
  dataset_path: 'letters',
  test_split: 'test',
  output_type: 'multiple_choice' as const,
  doc_to_text: 'Which of these is {{n}}?',
  doc_to_choice: ['a', 'b', 'c', 'd'],
  doc_to_target: '{{n}}',
  metric_list: metrics.map((metric) => ({ metric })),
})
const registry = createTaskRegistry({
  definitions: [task('plain', ['acc']), task('mutual', ['acc', 'acc_mutual_info'])],
})

test('guessing among four choices is right once in four, however often each of them is asked', async () => {
  const tasks = ['plain', 'mutual']
  const rows = async () => [0, 1, 2, 3].map((n) => ({ n }))
  const run = await evaluate({ tasks, registry, rows, model: formulaModel, bootstrapRounds: 0 })
  const contents = await resultFile(run, { modelSource: 'stem', modelName: 'formula', date: 0, seconds: 1 })
  const file = contents as unknown as ResultFile
  for (const name of tasks) expect(chanceOf(file, name, run.samples[name]!)).toBe(0.25)
})
