import { expect, it } from 'vitest'
import { scoreRun } from '../run/score-run.ts'
import { resultFile, resultFileNames } from './result-file.ts'

it('has the fields that readers of result files look for', async () => {
  const run = await scoreRun({ tasks: [], groups: [], requests: [] }, [])
  const file = await resultFile(run, {
    modelSource: 'stem',
    modelName: 'runs/a',
    date: 1,
    seconds: 2.5,
    systemInstruction: 'Hi',
  })
  expect(Object.keys(file).slice(0, 7)).toEqual([
    'results',
    'group_subtasks',
    'configs',
    'versions',
    'n-shot',
    'higher_is_better',
    'n-samples',
  ])
  expect(file).toMatchObject({
    config: { model: 'stem', bootstrap_iters: 100_000, fewshot_seed: 1234 },
    task_hashes: {},
    model_name_sanitized: 'runs__a',
    system_instruction_sha: '3639efcd08abb273b1619e82e78c29a7df02c1051b1820e99fc395dcaa3326b8',
    total_evaluation_time_seconds: '2.5',
  })
})

it('has its name from model and time', () => {
  const names = resultFileNames('http://x/y', new Date('2026-11-27T03:04:05.678Z'))
  expect([names.folder, names.results, names.samples('gsm8k')]).toEqual([
    'http__x__y',
    'results_2026-11-27T03-04-05.678.json',
    'samples_gsm8k_2026-11-27T03-04-05.678.jsonl',
  ])
})
