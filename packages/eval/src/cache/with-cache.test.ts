import { describe, expect, test } from 'vitest'
import { fromLanguageModel } from '../ask/from-language-model.ts'
import type { EvalRequest } from '../ask/requests.ts'
import { bigramModel } from '../testing/bigram-model.ts'
import { memoryCache } from './answer-cache.ts'
import { requestKey } from './request-key.ts'
import { withCache } from './with-cache.ts'

const score = (context: string, continuation: string): EvalRequest => ({ kind: 'loglikelihood', context, continuation })
const stats = { tokensRead: 0, requests: 0 }
const open = () => fromLanguageModel(bigramModel('the cat', { stats }))

describe('a model with a cache', () => {
  test('is asked each question once, and answers what it knows first', async () => {
    const cache = memoryCache()
    const model = withCache(await open(), cache)
    const before = stats.requests
    const first = await Array.fromAsync(model.answer([score('a', 'b'), score('a', 'c'), score('a', 'b')]))
    expect(stats.requests - before).toBe(2)
    expect(first.map(({ index }) => index).toSorted()).toEqual([0, 1, 2])
    const again = await Array.fromAsync(model.answer([score('x', 'y'), score('a', 'c')]))
    expect(again.map(({ index, cached }) => [index, cached ?? false])).toEqual([
      [1, true],
      [0, false],
    ])
    expect(again[0]!.answer).toEqual(first.find(({ index }) => index === 1)!.answer)
    expect(stats.requests - before).toBe(3)
  })

  test('keeps what arrived before it was left', async () => {
    const cache = memoryCache()
    const model = withCache(await open(), cache)
    const requests = ['b', 'c', 'd', 'e'].map((end) => score('a', end))
    for await (const answered of model.answer(requests)) if (answered.index === 1) break
    const before = stats.requests
    expect((await Array.fromAsync(model.answer(requests))).filter(({ cached }) => cached)).toHaveLength(2)
    expect(stats.requests - before).toBe(2)
  })
})

describe('the key of a request', () => {
  const args = { until: ['a'], max_gen_toks: 3, do_sample: false }
  const generate = (given: typeof args & Record<string, unknown>, repeat?: number): EvalRequest => ({
    kind: 'generate_until',
    context: 'x',
    arguments: given,
    ...(repeat !== undefined && { repeat }),
  })

  test('is the same for the same question, in whatever order its arguments are', async () => {
    const { until, max_gen_toks, do_sample } = args
    expect(await requestKey('m', generate({ do_sample, max_gen_toks, until }))).toBe(
      await requestKey('m', generate(args)),
    )
    expect(await requestKey('m', generate(args, 1))).toBe(await requestKey('m', generate(args)))
  })

  test('differs by model, text and arguments, and by repetition where answers are sampled', async () => {
    const sampled = { ...args, do_sample: true }
    const keys = await Promise.all([
      requestKey('m', generate(args)),
      requestKey('n', generate(args)),
      requestKey('m', generate({ ...args, until: ['b'] })),
      requestKey('m', generate(sampled)),
      requestKey('m', generate(sampled, 1)),
      requestKey('m', score('x', 'ab')),
      requestKey('m', score('xa', 'b')),
      requestKey('m', { kind: 'loglikelihood_rolling', text: 'x' }),
    ])
    expect(new Set(keys).size).toBe(keys.length)
  })
})
