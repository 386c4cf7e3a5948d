import * as fc from 'fast-check'
import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, it, vi } from 'vitest'
import type { EvalModel } from '../ask/eval-model.ts'
import { createTaskRegistry } from '../tasks/task-registry.ts'
import type { Row, RowSource } from '../tasks/rows.ts'
import type { TaskDefinition } from '../tasks/task-definition.ts'
import { formulaAnswer, formulaModel } from '../verify/formula-model.ts'
import { evaluate } from './evaluate.ts'
import { planRun } from './plan-run.ts'

const sums: TaskDefinition = {
  task: 'sums',
  dataset_path: 'sums',
  training_split: 'train',
  test_split: 'test',
  doc_to_text: '{{a}} + {{b}} =',
  doc_to_target: '{{a + b}}',
  generation_kwargs: { until: ['\n'], max_gen_toks: 8 },
  metadata: { version: 1 },
}
const larger: TaskDefinition = {
  task: 'larger',
  dataset_path: 'sums',
  training_split: 'train',
  test_split: 'test',
  output_type: 'multiple_choice',
  doc_to_text: 'Which is larger, {{a}} or {{b}}?',
  doc_to_choice: '{{[a|string, b|string]}}',
  doc_to_target: '{{(b > a)|int}}',
  metadata: { version: 1 },
}
const registry = createTaskRegistry({
  definitions: [
    sums,
    larger,
    { group: 'arithmetic', task: ['sums', 'larger'], aggregate_metric_list: [{ metric: 'acc' }] },
  ],
})
const rowsOf = (count: number, start: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({ a: start + i, b: (7 * i) % 10 }))
const splits: Record<string, Row[]> = { train: rowsOf(30, 100), test: rowsOf(20, 0) }
const rows: RowSource = async ({ split }) => splits[split]

/** Answers in another order, some at a time. */
const shuffled = (order: (index: number) => number): EvalModel => ({
  id: 'shuffled',
  async *answer(requests) {
    const indices = [...requests.keys()].toSorted((a, b) => order(a) - order(b))
    for (const index of indices) yield { index, answer: formulaAnswer(requests[index]!) }
  },
})

const answerNothing: EvalModel['answer'] = async function* (requests) {
  for (const index of requests.keys()) yield { index, answer: { kind: 'generate_until', text: '' } }
}

describe('evaluate', () => {
  it('scores tasks and their group', async () => {
    const run = await evaluate({ tasks: ['arithmetic'], registry, model: formulaModel, rows, numFewshot: 2 })
    expect(run.results).toMatchObject({
      results: {
        sums: { sample_len: 20 },
        larger: { sample_len: 20 },
        arithmetic: { sample_count: { 'acc,none': 20 } },
      },
      'n-shot': { sums: 2, larger: 2, arithmetic: 2 },
      'n-samples': { sums: { original: 20, effective: 20 } },
    })
    expect(run.samples['sums']?.[0]).toMatchObject({ doc_id: 0, filter: 'none', target: '0', metrics: ['exact_match'] })
    expect(run.table).toMatch(/^\|\s+Tasks\s+\|Version\|/)
    expect(run.groupTable).toMatch(/^\|\s+Groups\s+\|Version\|/)
    expect(run.configs['sums']).toMatchObject({ num_fewshot: 2, generation_kwargs: { until: ['\n'] } })
  })

  it('asks nothing where one question cannot be answered, and says of which document it is', async () => {
    const asked = vi.fn(formulaModel.answer)
    const check: EvalModel['check'] = async (request) => {
      if (request.kind !== 'loglikelihood' || request.continuation !== ' 17') return
      throw new StemkitError('bad-input', 'a continuation of 3 tokens does not fit')
    }
    const model: EvalModel = { ...formulaModel, check, answer: asked }
    const run = evaluate({ tasks: ['arithmetic'], registry, model, rows })
    await expect(run).rejects.toThrow('larger, document 17: a continuation of 3 tokens does not fit')
    expect(asked).not.toHaveBeenCalled()
    const chosen = { tasks: ['larger'], registry, model, rows, samples: { larger: [0, 1, 16] } }
    expect((await evaluate(chosen)).results).toMatchObject({ 'n-samples': { larger: { effective: 3 } } })
  })

  it('does not depend on the order in which a model answers', async () => {
    const options = { tasks: ['arithmetic'], registry, rows, numFewshot: 1 }
    const expected = await evaluate({ ...options, model: formulaModel })
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (salt) => {
        const model = shuffled((index) => Math.sin(index * 12.9898 + salt))
        expect(await evaluate({ ...options, model })).toEqual(expected)
      }),
      { numRuns: 10 },
    )
  })

  it('draws the same shots for the documents that a limit leaves, others for documents that are chosen', async () => {
    const options = { tasks: ['sums'], registry, rows, numFewshot: 3 }
    const all = await planRun(options)
    const limited = await planRun({ ...options, limit: 5 })
    expect(limited.requests).toEqual(all.requests.slice(0, 5))
    expect((await planRun({ ...options, limit: 0.24 })).requests).toEqual(limited.requests)
    const chosen = await planRun({ ...options, samples: { sums: [3, 7] } })
    expect(chosen.tasks[0]?.documents.map(({ docId, row }) => [docId, row['a']])).toEqual([
      [3, 3],
      [7, 7],
    ])
    expect(chosen.requests[0]).not.toEqual(all.requests[3])
    expect((await planRun({ ...options, seed: 1 })).requests[0]).not.toEqual(all.requests[0])
  })

  it('scores a document alike whichever others are chosen: what holds for all is as in the first of the split', async () => {
    const several = { ...sums, task: 'several', doc_to_text: '{{a}}', doc_to_target: 'ends' }
    const ends = rowsOf(4, 0).map((row, i) => ({ ...row, ends: i === 0 ? ['nothing', ''] : '' }))
    const options = {
      tasks: ['several'],
      registry: createTaskRegistry({ definitions: [several] }),
      rows: async () => ends,
      model: { ...formulaModel, answer: answerNothing },
    }
    const all = await evaluate(options)
    const chosen = await evaluate({ ...options, samples: { several: [1, 2, 3] } })
    expect(chosen.samples['several']).toEqual(all.samples['several']?.slice(1))
  })

  it('takes a field for the column of that name if any row has it', async () => {
    const hinted = { ...sums, task: 'hinted', doc_to_text: 'hint' }
    const [first, ...others] = rowsOf(3, 0)
    const hints = [{ ...first }, ...others.map((row, i) => ({ ...row, hint: `Hint ${i}` }))]
    const registryOfIt = createTaskRegistry({ definitions: [hinted] })
    const options = { tasks: ['hinted'], registry: registryOfIt, rows: async () => hints }
    const { requests } = await planRun({ ...options, samples: { hinted: [1, 2] } })
    expect(requests).toMatchObject([{ context: 'Hint 0' }, { context: 'Hint 1' }])
    await expect(planRun(options)).rejects.toThrow('hinted, document 0: a question')
  })

  it('asks repeats as questions of their own', async () => {
    const repeated = createTaskRegistry({ definitions: [{ ...sums, repeats: 3 }] })
    const { requests } = await planRun({ tasks: ['sums'], registry: repeated, rows, limit: 1 })
    expect(requests.map((request) => 'repeat' in request && request.repeat)).toEqual([false, 1, 2])
  })

  it('tells how far it is', async () => {
    const seen: string[] = []
    const onProgress = ({ done, total }: { done: number; total: number }) => seen.push(`${done}/${total}`)
    await evaluate({ tasks: ['sums'], registry, model: formulaModel, rows, limit: 2, onProgress })
    expect(seen).toEqual(['0/2', '1/2', '2/2'])
  })

  it('stops when it is told to', async () => {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => done === 3 && controller.abort(new Error('enough'))
    const run = evaluate({
      tasks: ['sums'],
      registry,
      model: formulaModel,
      rows,
      signal: controller.signal,
      onProgress,
    })
    await expect(run).rejects.toThrow('enough')
  })

  it.each([
    [{ tasks: ['sum'] }, 'no task or group is called sum; did you mean sums?'],
    [{ limit: 3, samples: { sums: [1] } }, 'limit and samples were both given'],
    [{ samples: { sum: [1] } }, 'samples names sum, which is not run; did you mean sums?'],
    [{ samples: { sums: [20] } }, 'sums: there is no document 20; they are numbered 0 to 19'],
    [{ numFewshot: 31 }, 'sums, document 0: 31 shots are asked for and 30 can be had; ask for fewer'],
    [{ rows: async () => undefined }, 'sums: split test of sums is not there'],
    [{ model: { ...formulaModel, applyChatTemplate: undefined }, applyChatTemplate: true }, 'the model has none'],
    [{ model: shuffledNone() }, 'left request 0 of 20 without an answer of its kind'],
  ])('refuses %j', async (change, message) => {
    const options = { tasks: ['sums'], registry, model: formulaModel, rows, ...change } as Parameters<
      typeof evaluate
    >[0]
    await expect(evaluate(options)).rejects.toThrow(message)
  })
})

function shuffledNone(): EvalModel {
  return { id: 'silent', async *answer() {} }
}
