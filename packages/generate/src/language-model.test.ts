import '@tensorflow/tfjs-backend-cpu'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { languageModelConformance } from '@stemkit/spec/testing'
import { loadTokenizer } from '@stemkit/tokenizer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRowStore } from '@stemkit/store'
import { collect, contentId, createModel, languageModelOver, toLanguageModel, type Model } from './index.ts'
import { storedTables } from './testing/stored-tables.ts'
import { tinyModel } from './testing/tiny-model.ts'
import { byteLevelTokenizer } from './testing/tokenizers.ts'
import type { LanguageModel, Scored } from '@stemkit/spec/language-model'

const tokenizer = loadTokenizer(byteLevelTokenizer())
const { config, weights } = tinyModel()
const engine = compiledEngine(nodeRuntime())
let model: Model
let languageModel: LanguageModel

beforeAll(async () => {
  model = await createModel({ config, weights, engine, tokenizer })
  languageModel = await toLanguageModel(model)
})
afterAll(() => model.dispose())

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const result of results) list.push(result)
  return list
}

async function* slowly<T>(items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    yield item
  }
}

describe('conforms', () => {
  languageModelConformance(test, { open: async () => languageModel, text: 'the other theme' })
})

describe('scoring', () => {
  test('gives each continuation its log-probabilities, in the order of the requests', async () => {
    const requests = [
      { context: [1, 2, 3], continuation: [4, 5] },
      { context: [9], continuation: [8] },
      { context: [9], continuation: [] },
    ]
    const results = await all(languageModel.score(slowly(requests)))
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2])
    const { logprobs } = await model.score([1, 2, 3, 4, 5])
    results[0]!.logprobs.forEach((found, i) => expect(found).toBeCloseTo(logprobs[2 + i]!, 5))
    expect(results.map((result) => result.logprobs.length)).toEqual([2, 1, 0])
  })

  test('says whether the continuation is what the model would have said', async () => {
    const context = Array.from(tokenizer.encode('the the'))
    const { tokens } = await collect(model.generate(context, { temperature: 0, maxTokens: 4 }))
    const other = [tokens[0]!, tokens[1]!, (tokens[2]! + 1) % config.vocabSize]
    const results = await all(languageModel.score([tokens, other].map((continuation) => ({ context, continuation }))))
    expect(results.map(({ greedy }) => greedy)).toEqual([true, false])
  })

  test('stands the end of the text before for a context of nothing', async () => {
    const continuation = Array.from(tokenizer.encode('the'))
    const [none, eos] = await all(
      languageModel.score([
        { context: [], continuation },
        { context: [tokenizer.special.eos!], continuation },
      ]),
    )
    none!.logprobs.forEach((found, i) => expect(found).toBeCloseTo(eos!.logprobs[i]!, 5))

    const bare = await createModel({ config, weights, engine })
    const request: Scored = { context: [], continuation }
    await expect(all((await toLanguageModel(bare)).score([request]))).rejects.toThrow('request 0 has no context')
    await bare.dispose()
  })

  test('shares the steps of the model among requests, which changes a score by less than 1e-5', async () => {
    const one = await createModel({ config, weights, engine, tokenizer, slots: 1 })
    const requests = Array.from({ length: 13 }, (_, i) => ({
      context: Array.from({ length: 1 + (i % 4) }, (__, t) => (7 * i + t) % 250),
      continuation: Array.from({ length: 1 + ((5 * i) % 9) }, (__, t) => (3 * i + 11 * t) % 250),
    }))
    let most = 0
    async function* watched() {
      for (const request of requests) {
        yield request
        most = Math.max(most, model.stats().running + model.stats().waiting)
      }
    }
    const alone = await all((await toLanguageModel(one)).score(requests))
    const together = await all(languageModel.score(watched()))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(2 * model.stats().slots)
    expect(together.map(({ index }) => index)).toEqual(requests.map((_, i) => i))
    for (const [i, { logprobs, greedy }] of alone.entries()) {
      expect(together[i]!.greedy).toBe(greedy)
      logprobs.forEach((value, t) => expect(Math.abs(together[i]!.logprobs[t]! - value)).toBeLessThan(1e-5))
    }
    await one.dispose()
  })

  test('gives a result to whoever asks the next question by it', async () => {
    const answers: number[] = []
    async function* asking() {
      for (let i = 0; i < 3; i++) {
        yield { context: [1, i], continuation: [2] }
        while (answers.length <= i) await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    for await (const { index } of languageModel.score(asking())) answers.push(index)
    expect(answers).toEqual([0, 1, 2])
  })

  test('stops what is under way when it is left', async () => {
    const requests = Array.from({ length: 8 }, (_, i) => ({ context: [i + 1], continuation: [2, 3, 4] }))
    for await (const { index } of languageModel.score(requests)) {
      expect(index).toBe(0)
      break
    }
    while (model.stats().running + model.stats().waiting > 0) await new Promise((resolve) => setTimeout(resolve))
    expect(await all(languageModel.score(requests.slice(0, 2)))).toHaveLength(2)
  })

  test('can be cancelled', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(all(languageModel.score([{ context: [1], continuation: [2] }], { signal }))).rejects.toThrow('enough')
  })
})

test('generating continues each prompt greedily', async () => {
  const prompt = await languageModel.encode('the')
  const results = await all(
    languageModel.generate([
      { prompt, maxTokens: 6 },
      { prompt, maxTokens: 2 },
    ]),
  )
  const { tokens, text } = await collect(model.generate(prompt, { temperature: 0, maxTokens: 6 }))
  expect(results).toEqual([
    { index: 0, text, tokens },
    { index: 1, text: tokenizer.decode(tokens.slice(0, 2)), tokens: tokens.slice(0, 2) },
  ])
})

describe('the id', () => {
  test('is the same for the same numbers, wherever they lie', async () => {
    expect(languageModel.id).toMatch(/^sha256:[0-9a-f]{64}$/)
    const shared = new Map(
      [...weights].toReversed().map(([name, { shape, data }]) => {
        const copy = new Float32Array(new SharedArrayBuffer(data.byteLength))
        copy.set(data)
        return [name, { shape, data: copy }] as const
      }),
    )
    expect(await contentId(config, shared)).toBe(languageModel.id)
    const { dim, ...rest } = config
    expect(await contentId({ ...rest, dim }, weights)).toBe(languageModel.id)
  })

  test('differs where one number differs, or the arithmetic', async () => {
    const changed = new Map(weights)
    const { shape, data } = weights.get('lm_head.weight')!
    changed.set('lm_head.weight', { shape, data: data.with(3, data[3]! + 1e-6) })
    const others = [await contentId(config, changed), await contentId({ ...config, normEps: 1e-6 }, weights)]
    expect(new Set([languageModel.id, ...others]).size).toBe(3)
  })
})

test('over other rows it says what a request that reads them does, and over its own what it always did', async () => {
  const request = { context: [1, 2, 3], continuation: [4, 5] }
  const [before] = await all(languageModel.score([request]))
  const turned = new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.toReversed() }]))
  const rows = createRowStore({ table: await storedTables(config, turned) })
  const over = languageModelOver(model, { rows })
  const [other] = await all(over.score([request]))
  const { logprobs } = await model.score([1, 2, 3, 4, 5], { rows, from: 3 })
  expect([...other!.logprobs]).toEqual([...logprobs].map((value) => expect.closeTo(value, 5) as number))
  expect(other!.logprobs[0]).not.toBeCloseTo(before!.logprobs[0]!, 3)
  const [again] = await all(languageModel.score([request]))
  expect(again!.logprobs).toEqual(before!.logprobs)
})
