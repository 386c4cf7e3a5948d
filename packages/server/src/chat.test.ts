import { collect, type Model } from '@stemkit/generate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, type StemServer } from './create-server.ts'
import type { ChatChunk, ChatResponse } from './schemas/chat.ts'
import { eventsOf, expectError, post } from './testing/call.ts'
import { tinyModel, tinyTemplate } from './testing/tiny-served.ts'

let model: Model
let server: StemServer
beforeAll(async () => {
  model = await tinyModel()
  server = createServer({ models: { tiny: { model, chatTemplate: tinyTemplate }, mute: { model } } })
})
afterAll(() => model.dispose())

const messages = [
  { role: 'system', content: 'be brief' },
  { role: 'user', content: 'the cat?' },
]
const PROMPT = 'SYSTEM: be brief\nUSER: the cat?\nA:'
const send = (body: object): Promise<Response> =>
  post(server.fetch, '/v1/chat/completions', { model: 'tiny', messages, temperature: 0, ...body })
const answer = async (body: object): Promise<ChatResponse> => (await send(body)).json() as Promise<ChatResponse>

describe('/v1/chat/completions', () => {
  test('answers what the template makes of the messages', async () => {
    const made = await collect(model.generate(PROMPT, { temperature: 0, maxTokens: 7 }))
    expect(await answer({ max_completion_tokens: 7 })).toEqual({
      id: expect.stringMatching(/^chatcmpl-/) as unknown,
      object: 'chat.completion',
      created: expect.closeTo(Date.now() / 1000, -1) as unknown,
      model: 'tiny',
      system_fingerprint: 'stemkit',
      tables: null,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: made.text, refusal: null },
          finish_reason: made.finishReason,
          logprobs: null,
        },
      ],
      usage: {
        prompt_tokens: made.usage.promptTokens,
        completion_tokens: 7,
        total_tokens: made.usage.promptTokens + 7,
        prompt_tokens_details: { cached_tokens: expect.any(Number) as unknown },
      },
    })
  })

  test('takes content in parts of text, and the older name of the limit', async () => {
    const parts = [
      messages[0],
      {
        role: 'user',
        content: [
          { type: 'text', text: 'the ' },
          { type: 'text', text: 'cat?' },
        ],
      },
    ]
    expect((await answer({ messages: parts, max_tokens: 4 })).choices).toEqual(
      (await answer({ max_tokens: 4 })).choices,
    )
  })

  test('goes on until the model ends or is full', async () => {
    const { usage, choices } = await answer({ logit_bias: { 258: -100 } })
    expect(usage.total_tokens).toBe(model.config.maxLength)
    expect(choices[0]!.finish_reason).toBe('length')
  })

  test('streams a role, the text and the usage', async () => {
    const whole = await answer({ n: 2, max_completion_tokens: 6 })
    const response = await send({
      n: 2,
      max_completion_tokens: 6,
      stream: true,
      stream_options: { include_usage: true },
    })
    const events = await eventsOf<ChatChunk>(response)
    for (const index of [0, 1]) {
      const own = events.flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
      expect(own[0]!.delta.role).toBe('assistant')
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(whole.choices[index]!.message.content)
      expect(own.map((choice) => choice.finish_reason).filter(Boolean)).toEqual([whole.choices[index]!.finish_reason])
    }
    expect(events.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 12 } })
  })

  test('tells log-probabilities with bytes and alternatives', async () => {
    const { choices } = await answer({ max_completion_tokens: 5, logprobs: true, top_logprobs: 2 })
    const { content } = choices[0]!.logprobs!
    expect(content.length).toBe(5)
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(top_logprobs.map((each) => each.token)[0]).toBe(token)
      expect(top_logprobs[0]!.logprob).toBeCloseTo(logprob, 5)
      expect(top_logprobs.length).toBe(2)
      expect(bytes!.length).toBeGreaterThan(0)
    }
    const bytes = Uint8Array.from(content.flatMap((each) => each.bytes!))
    expect(new TextDecoder().decode(bytes)).toBe(choices[0]!.message.content)
  })

  test.each([
    [{ messages: [] }, 'messages'],
    [{ messages: 'hello' }, 'messages'],
    [{ messages: [null] }, 'messages[0].role'],
    [{ messages: [{ role: 'robot', content: '' }] }, 'messages[0].role'],
    [{ messages: [...messages, { role: 'user' }] }, 'messages[2].content'],
    [{ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }, 'messages[0].content'],
    [{ messages: [{ role: 'assistant', content: 'no' }] }, 'messages'],
    [{ messages: [{ role: 'user', content: 'long '.repeat(50) }] }, 'messages'],
    [{ tools: [{ type: 'function' }] }, 'tools'],
    [{ response_format: { type: 'json_object' } }, 'response_format.type'],
    [{ top_logprobs: 50 }, 'top_logprobs'],
    [{ model: 'mute' }, 'model'],
  ])('refuses %j', async (body, param) => {
    expect(await expectError(await send(body), 400)).toMatchObject({ type: 'invalid_request_error', param })
  })
})
