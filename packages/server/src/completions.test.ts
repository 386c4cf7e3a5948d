import { collect, type Model } from '@stemkit/generate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, type StemServer } from './create-server.ts'
import type { CompletionResponse } from './schemas/completions.ts'
import { eventsOf, expectError, post } from './testing/call.ts'
import { tinyModel } from './testing/tiny-served.ts'

let model: Model
let server: StemServer
beforeAll(async () => {
  model = await tinyModel()
  server = createServer({ models: { tiny: { model } } })
})
afterAll(() => model.dispose())

const PATH = '/v1/completions'
const send = (body: object, init?: RequestInit): Promise<Response> =>
  post(server.fetch, PATH, { model: 'tiny', ...body }, init)
const complete = async (body: object): Promise<CompletionResponse> => {
  const response = await send(body)
  expect(response.status).toBe(200)
  return (await response.json()) as CompletionResponse
}
const greedy = { temperature: 0, max_tokens: 8 }

describe('/v1/completions', () => {
  test('continues a text as the model does', async () => {
    const made = await collect(model.generate('the', { temperature: 0, maxTokens: 8 }))
    expect(await complete({ prompt: 'the', ...greedy })).toEqual({
      id: expect.stringMatching(/^cmpl-/) as unknown,
      object: 'text_completion',
      created: expect.closeTo(Date.now() / 1000, -1) as unknown,
      model: 'tiny',
      system_fingerprint: 'stemkit',
      tables: null,
      choices: [{ index: 0, text: made.text, finish_reason: made.finishReason, logprobs: null }],
      usage: {
        prompt_tokens: 1,
        completion_tokens: 8,
        total_tokens: 9,
        prompt_tokens_details: { cached_tokens: expect.any(Number) as unknown },
      },
    })
  })

  test('makes 16 tokens unless told otherwise, and none for max_tokens 0', async () => {
    expect((await complete({ prompt: 'a', seed: 1, logit_bias: { 258: -100 } })).usage?.completion_tokens).toBe(16)
    const none = await complete({ prompt: 'a', max_tokens: 0 })
    expect(none.choices).toEqual([{ index: 0, text: '', finish_reason: 'length', logprobs: null }])
    expect(none.usage?.completion_tokens).toBe(0)
  })

  test('takes token ids, several prompts and no prompt at all', async () => {
    const one = await complete({ prompt: 'the', ...greedy })
    const ids = Array.from(model.tokenizer!.encode('the'))
    expect((await complete({ prompt: ids, ...greedy })).choices).toEqual(one.choices)
    const many = await complete({ prompt: ['the', 'a cat'], ...greedy })
    const other = await complete({ prompt: 'a cat', ...greedy })
    expect(many.choices).toEqual([one.choices[0], { ...other.choices[0], index: 1 }])
    expect(many.usage).toMatchObject({ prompt_tokens: 6, completion_tokens: 16 })
    const lists = await complete({ prompt: [ids, ids], ...greedy })
    expect(lists.choices.map(({ text }) => text)).toEqual([one.choices[0]!.text, one.choices[0]!.text])
    expect((await complete({ ...greedy })).usage?.prompt_tokens).toBe(1)
  })

  test('makes n texts, which differ, and the same ones again for a seed', async () => {
    const body = { prompt: 'the', n: 3, seed: 4, max_tokens: 6 }
    const { choices, usage } = await complete(body)
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(choices.map(({ text }) => text)).size).toBe(3)
    expect(usage?.prompt_tokens).toBe(1)
    expect((await complete(body)).choices).toEqual(choices)
  })

  test('answers with the likeliest of best_of', async () => {
    const body = { prompt: 'the', seed: 4, max_tokens: 6, logprobs: 0 }
    const all = await complete({ ...body, n: 4 })
    const best = await complete({ ...body, best_of: 4 })
    const mean = ({ logprobs }: CompletionResponse['choices'][number]): number => {
      const values = logprobs!.token_logprobs as number[]
      return values.reduce((sum, each) => sum + each, 0) / values.length
    }
    expect(mean(best.choices[0]!)).toBeCloseTo(Math.max(...all.choices.map(mean)), 5)
    expect(best.usage?.completion_tokens).toBe(all.usage?.completion_tokens)
    expect((await expectError(await send({ ...body, n: 2, best_of: 1 }), 400)).param).toBe('best_of')
    expect((await expectError(await send({ ...body, best_of: 2, stream: true }), 400)).param).toBe('best_of')
  })

  test('ends before a stop text', async () => {
    const free = await complete({ prompt: 'the', ...greedy, max_tokens: 20, logit_bias: { 258: -100 } })
    const { text } = free.choices[0]!
    const stop = Array.from(text)[5]!
    const stopped = await complete({ prompt: 'the', ...greedy, max_tokens: 20, stop, logit_bias: { 258: -100 } })
    expect(stopped.choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' })
  })

  test('keeps to a bias', async () => {
    const { choices } = await complete({ prompt: 'the', max_tokens: 3, logit_bias: { 65: 100 }, temperature: 0 })
    expect(choices[0]!.text).toBe(model.tokenizer!.decode([65, 65, 65]))
    expect((await expectError(await send({ prompt: 'a', logit_bias: { 9999: 1 } }), 400)).message).toContain('9999')
  })

  test('streams the same text, chunk by chunk, with the usage where it is asked for', async () => {
    const whole = await complete({ prompt: ['the', 'a'], ...greedy })
    const response = await send({
      prompt: ['the', 'a'],
      ...greedy,
      stream: true,
      stream_options: { include_usage: true },
    })
    const events = await eventsOf<CompletionResponse>(response)
    for (const [index, { text, finish_reason }] of whole.choices.entries()) {
      const own = events.flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
      expect(own.map((choice) => choice.text).join('')).toBe(text)
      expect(own.map((choice) => choice.finish_reason).filter(Boolean)).toEqual([finish_reason])
      expect(own.length).toBeGreaterThan(2)
    }
    const { choices, usage } = events.at(-1)!
    expect(choices).toEqual([])
    expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 16, total_tokens: 18 })
    expect(events.slice(0, -1).every((event) => event.usage === null)).toBe(true)
    const plain = await eventsOf<CompletionResponse>(await send({ prompt: 'the', ...greedy, stream: true }))
    expect(plain.every((event) => event.choices.length === 1 && event.usage === undefined)).toBe(true)
  })

  test('tells log-probabilities, alternatives and where each token begins', async () => {
    const { choices } = await complete({ prompt: 'the', ...greedy, logprobs: 3 })
    const { logprobs, text } = choices[0]!
    const made = await collect(model.generate('the', { temperature: 0, maxTokens: 8 }))
    expect(logprobs!.token_logprobs).toEqual(made.logprobs.map((value) => expect.closeTo(value, 5) as unknown))
    expect(logprobs!.text_offset.every((offset, i, all) => offset >= (all[i - 1] ?? 0) && offset <= text.length)).toBe(
      true,
    )
    for (const [i, top] of logprobs!.top_logprobs!.entries()) {
      const values = Object.values(top!)
      expect(values.length).toBe(3)
      expect(Math.max(...values)).toBeCloseTo(logprobs!.token_logprobs[i]!, 5)
      expect(top![logprobs!.tokens[i]!]).toBeCloseTo(logprobs!.token_logprobs[i]!, 5)
    }
  })

  test('scores a prompt as the model does in this process', async () => {
    const prompt = 'the cat sat on the mat, \u20ac 5'
    const ids = Array.from(model.tokenizer!.encode(prompt))
    const scores = await model.score(ids)
    for (const given of [prompt, ids]) {
      const { choices, usage } = await complete({ prompt: given, echo: true, max_tokens: 0, logprobs: 1 })
      const { logprobs, text } = choices[0]!
      expect(text).toBe(prompt)
      expect(usage).toMatchObject({ prompt_tokens: ids.length, completion_tokens: 0 })
      expect(logprobs!.token_logprobs).toEqual([null, ...Array.from(scores.logprobs)])
      expect(logprobs!.top_logprobs![0]).toBe(null)
      const best = logprobs!.top_logprobs!.slice(1).map((top) => Math.max(...Object.values(top!)))
      best.forEach((value, i) => expect(value).toBeGreaterThanOrEqual(scores.logprobs[i]!))
      expect(logprobs!.tokens[0]).toBe('the')
      expect(logprobs!.tokens).toContain('bytes:\\xe2')
      expect(logprobs!.text_offset.slice(0, 3)).toEqual([0, 3, 4])
    }
  })

  test('scores as many tokens as the model foretells, and no more', async () => {
    const ids = Array.from({ length: model.config.maxLength + 1 }, (_, i) => 65 + (i % 20))
    const { choices } = await complete({ prompt: ids, echo: true, max_tokens: 0, logprobs: 0 })
    expect(choices[0]!.logprobs!.token_logprobs.length).toBe(ids.length)
    const error = await expectError(await send({ prompt: [...ids, 65], echo: true, max_tokens: 0, logprobs: 0 }), 400)
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' })
  })

  test('puts the prompt and its scores before what it makes', async () => {
    const both = await complete({ prompt: 'the cat', echo: true, logprobs: 1, ...greedy })
    const prompt = await complete({ prompt: 'the cat', echo: true, logprobs: 1, max_tokens: 0 })
    const rest = await complete({ prompt: 'the cat', logprobs: 1, ...greedy })
    expect(both.choices[0]!.text).toBe(`the cat${rest.choices[0]!.text}`)
    expect(both.choices[0]!.logprobs!.tokens).toEqual(
      [prompt, rest].flatMap(({ choices }) => choices[0]!.logprobs!.tokens),
    )
    const streamed = await eventsOf<CompletionResponse>(
      await send({ prompt: 'the cat', echo: true, stream: true, ...greedy }),
    )
    expect(streamed.map(({ choices }) => choices[0]!.text).join('')).toBe(both.choices[0]!.text)
  })

  test.each([
    [{ prompt: 'a', suffix: 'b' }, 'suffix'],
    [{ prompt: 'a'.repeat(97) }, 'prompt'],
    [{ prompt: [1, 2, 260] }, 'prompt'],
    [{ prompt: [1, -1] }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [[]] }, 'prompt'],
    [{ prompt: ['a', 1] }, 'prompt'],
    [{ prompt: { text: 'a' } }, 'prompt'],
    [{ prompt: 'a', temperature: -1 }, 'temperature'],
    [{ prompt: 'a', temperature: 'hot' }, 'temperature'],
    [{ prompt: 'a', top_p: 1.5 }, 'top_p'],
    [{ prompt: 'a', n: 0 }, 'n'],
    [{ prompt: 'a', n: 1.5 }, 'n'],
    [{ prompt: 'a', max_tokens: -1 }, 'max_tokens'],
    [{ prompt: 'a', logprobs: 21 }, 'logprobs'],
    [{ prompt: 'a', logit_bias: { x: 1 } }, 'logit_bias'],
    [{ prompt: 'a', stop: '' }, 'stop'],
    [{ prompt: 'a', seed: 1e300 }, 'seed'],
    [{ prompt: 'a', frequency_penalty: 1 }, 'frequency_penalty'],
    [{ prompt: 'a', temprature: 1 }, 'temprature'],
    [{ prompt: Array.from({ length: 129 }, () => 'a') }, 'prompt'],
    [{ prompt: ['a', 'b'], n: 128 }, 'n'],
  ])('refuses %j', async (body, param) => {
    expect(await expectError(await send(body), 400)).toMatchObject({ type: 'invalid_request_error', param })
  })

  test('does not know other models', async () => {
    const error = await expectError(await send({ model: 'huge', prompt: 'a' }), 404)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' })
  })
})
