import { fromLanguageModel, type EvalModel, type EvalRequest } from '@stemkit/eval'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModel, toLanguageModel, type Model } from '@stemkit/generate'
import { createModelConfig, initializeWeights } from '@stemkit/model'
import { loadTokenizer } from '@stemkit/tokenizer'
import { trainBpe } from '@stemkit/tokenizer/train'
import { describeMachine, type BenchmarkOptions, type Report, type Result } from '../report.ts'
import { interleave, medianRatio } from '../timing.ts'
import { stateOfTheUnion } from '../token-streams.ts'
import { fourChoices } from './four-choices.ts'

const VOCABULARY = 8192
/** Words of a context: four or five hundred tokens, as five shots of mmlu have. */
const CONTEXT_WORDS = 400

/**
 * Requests a second of a task with four choices, by `fromLanguageModel` on the compiled engine: all together, in an order in
 * which choices share what was read of their context; the same with contexts that have nothing in common; and one by one, the
 * model forgetting what it read. Real text; the weights are random, which changes no time.
 */
export async function run({ progress, quick, signal }: BenchmarkOptions): Promise<Report> {
  const texts = stateOfTheUnion()
  const text = texts.join('\n')
  const tokenizer = loadTokenizer(await trainBpe({ texts: texts.slice(0, 60), vocabSize: VOCABULARY }))
  const config = createModelConfig({
    vocabSize: VOCABULARY,
    dim: 256,
    layers: 6,
    heads: 8,
    ffnHidden: 704,
    maxLength: 1024,
    kind: 'stem',
  })
  const weights = initializeWeights(config, { seed: 5 })
  const { requests, unshared } = fourChoices(text, { questions: quick ? 2 : 12, contextWords: CONTEXT_WORDS })
  const context = requests[0]!.kind === 'loglikelihood' ? requests[0]!.context : ''
  progress(`${requests.length} requests, ${tokenizer.encode(context).length} tokens in the first context`)

  const results: Result[] = []
  for (const deterministic of [true, false]) {
    const model = await createModel({
      config,
      weights,
      tokenizer,
      engine: compiledEngine(nodeRuntime()),
      deterministic,
    })
    try {
      const evalModel = await fromLanguageModel(await toLanguageModel(model))
      const sides = {
        shared: { run: () => together(model, evalModel, requests) },
        unshared: { run: () => together(model, evalModel, unshared) },
        alone: { run: () => oneByOne(model, evalModel, requests) },
      }
      const times = await interleave(sides, {
        rounds: quick ? 2 : 5,
        warmUp: 1,
        progress: (line) => progress(`${deterministic ? 'deterministic' : 'default'} ${line}`),
        ...(signal ? { signal } : {}),
      })
      const name = deterministic ? '' : '_default'
      const perSecond = (milliseconds: number): number => (requests.length * 1000) / milliseconds
      results.push(
        ratio(
          `eval_batched_vs_one_by_one${name}`,
          medianRatio(times.alone, times.shared),
          deterministic ? '>= 2' : null,
        ),
        ratio(`eval_prefix_sharing${name}`, medianRatio(times.unshared, times.shared), deterministic ? '>= 2' : null),
        rate(`eval_batched${name}`, perSecond(times.shared.median)),
        rate(`eval_batched_unshared${name}`, perSecond(times.unshared.median)),
        rate(`eval_one_by_one${name}`, perSecond(times.alone.median)),
      )
    } finally {
      await model.dispose()
    }
  }
  return { benchmark: 'eval', machine: describeMachine(), results }
}

const ratio = (metric: string, value: number, target: Result['target']): Result => ({
  metric,
  value,
  unit: 'ratio',
  target,
})
const rate = (metric: string, value: number): Result => ({ metric, value, unit: 'requests/s', target: null })

/** Nothing is left of the run before. */
async function together(model: Model, evalModel: EvalModel, requests: readonly EvalRequest[]): Promise<void> {
  model.forget()
  let answered = 0
  for await (const _ of evalModel.answer(requests)) answered++
  if (answered !== requests.length) throw new Error(`${answered} of ${requests.length} requests were answered`)
}

async function oneByOne(model: Model, evalModel: EvalModel, requests: readonly EvalRequest[]): Promise<void> {
  for (const request of requests) await together(model, evalModel, [request])
}
