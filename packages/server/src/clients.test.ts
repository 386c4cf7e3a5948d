import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { Model } from '@stemkit/generate'
import { generateText, streamText } from 'ai'
import { Hono } from 'hono'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createServer } from './create-server.ts'
import { listen } from './node.ts'
import { tinyModel, tinyTemplate } from './testing/tiny-served.ts'

const KEY = 'a-key'
const messages = [{ role: 'user' as const, content: 'the cat?' }]
/** The end of text is ruled out, so that lengths are known. */
const sampling = { temperature: 0, logit_bias: { 258: -100 } }

let model: Model
beforeAll(async () => {
  model = await tinyModel({ maxLength: 1024 }, { speculate: false })
})
afterAll(() => model.dispose())

const createTiny = () => createServer({ models: { tiny: { model, chatTemplate: tinyTemplate } }, apiKeys: [KEY] })

describe.each([
  ['behind a port', (server: ReturnType<typeof createTiny>) => server.fetch, '/v1'],
  [
    "mounted in somebody's Hono app",
    (server: ReturnType<typeof createTiny>) => {
      const app = new Hono().get('/', (context) => context.text('my app')).mount('/llm', server.fetch)
      return async (request: Request) => app.fetch(request)
    },
    '/llm/v1',
  ],
])('the server %s', (_, mount, path) => {
  let server: ReturnType<typeof createTiny>
  let listener: Awaited<ReturnType<typeof listen>>
  let openai: OpenAI
  beforeAll(async () => {
    server = createTiny()
    listener = await listen({ server: { ...server, fetch: mount(server) }, port: 0 })
    openai = new OpenAI({ baseURL: listener.url + path, apiKey: KEY, maxRetries: 0 })
  })
  afterAll(async () => void (await listener.close({ timeoutMs: 0 })))

  describe('and the client of OpenAI', () => {
    test('lists models', async () => {
      const ids: string[] = []
      for await (const { id } of await openai.models.list()) ids.push(id)
      expect(ids).toEqual(['tiny'])
      expect((await openai.models.retrieve('tiny')).id).toBe('tiny')
    })

    test('completes, whole and streamed, with the usage', async () => {
      const body = { model: 'tiny', prompt: 'the', max_tokens: 6, ...sampling }
      const whole = await openai.completions.create(body)
      expect(whole.usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 6, total_tokens: 7 })
      let text = ''
      let usage: OpenAI.CompletionUsage | null | undefined
      const stream = await openai.completions.create({ ...body, stream: true, stream_options: { include_usage: true } })
      for await (const chunk of stream) {
        text += chunk.choices[0]?.text ?? ''
        usage = chunk.usage ?? usage
      }
      expect(text).toBe(whole.choices[0]!.text)
      expect(usage).toMatchObject({
        completion_tokens: 6,
        prompt_tokens_details: { cached_tokens: expect.any(Number) as number },
      })
    })

    test('scores a prompt as the model does in this process', async () => {
      const prompt = Array.from(model.tokenizer!.encode('the cat sat on the mat'))
      const { choices } = await openai.completions.create({
        model: 'tiny',
        prompt,
        echo: true,
        max_tokens: 0,
        logprobs: 1,
      })
      const { logprobs } = await model.score(prompt)
      expect(choices[0]!.logprobs!.token_logprobs).toEqual([null, ...Array.from(logprobs)])
    })

    test('chats, whole and streamed, with log-probabilities', async () => {
      const body = { model: 'tiny', messages, max_completion_tokens: 6, logprobs: true, top_logprobs: 2, ...sampling }
      const whole = await openai.chat.completions.create(body)
      const stream = openai.chat.completions.stream(body)
      const streamed = await stream.finalChatCompletion()
      expect(streamed.choices[0]!.message.content).toBe(whole.choices[0]!.message.content)
      const content = whole.choices[0]!.logprobs!.content!
      expect(content.map((each) => each.top_logprobs.length)).toEqual([2, 2, 2, 2, 2, 2])
      expect(streamed.choices[0]!.logprobs!.content!.map(({ token }) => token)).toEqual(
        content.map(({ token }) => token),
      )
    })

    test('leaves, and its slot is free within a step', async () => {
      const body = { model: 'tiny', messages, ...sampling, stream: true as const }
      const stream = await openai.chat.completions.create(body)
      for await (const chunk of stream) {
        expect(chunk.choices.length).toBe(1)
        break
      }
      await vi.waitFor(() => expect(server.inFlight).toBe(0), 5000)
      const { decoded } = model.stats()
      await vi.waitFor(() => expect(model.stats().running).toBe(0), 5000)
      expect(model.stats().decoded - decoded).toBeLessThanOrEqual(1)
    })

    test('understands the errors', async () => {
      await expect(openai.completions.create({ model: 'none', prompt: '' })).rejects.toMatchObject({
        status: 404,
        code: 'model_not_found',
        param: 'model',
        requestID: expect.any(String) as string,
      })
      await expect(openai.completions.create({ model: 'tiny', prompt: '', temperature: -1 })).rejects.toBeInstanceOf(
        OpenAI.BadRequestError,
      )
      const stranger = openai.withOptions({ apiKey: 'no' })
      await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
    })
  })

  describe('and the Vercel AI SDK', () => {
    const tiny = () =>
      createOpenAICompatible({ name: 'stemkit', baseURL: listener.url + path, apiKey: KEY, includeUsage: true })
    const settings = { temperature: 0, maxOutputTokens: 5, maxRetries: 0 }

    test('generates and streams chats with the usage', async () => {
      const whole = await generateText({ model: tiny()('tiny'), messages, ...settings })
      const stream = streamText({ model: tiny()('tiny'), messages, ...settings })
      let text = ''
      for await (const piece of stream.textStream) text += piece
      expect(text).toBe(whole.text)
      expect(whole.usage.inputTokens).toBeGreaterThan(0)
      expect((await stream.usage).outputTokens).toBe(whole.usage.outputTokens)
    })

    test('generates completions', async () => {
      const { text } = await generateText({ model: tiny().completionModel('tiny'), prompt: 'the', ...settings })
      expect(typeof text).toBe('string')
    })

    test('leaves, and its slot is free', async () => {
      const controller = new AbortController()
      const stream = streamText({
        model: tiny()('tiny'),
        messages,
        temperature: 0,
        maxRetries: 0,
        abortSignal: controller.signal,
        onError: () => {},
      })
      for await (const piece of stream.textStream) {
        expect(typeof piece).toBe('string')
        controller.abort()
        break
      }
      await vi.waitFor(() => expect([server.inFlight, model.stats().running]).toEqual([0, 0]), 5000)
    })

    test('understands the errors', async () => {
      const failed = generateText({ model: tiny()('none'), messages, ...settings })
      await expect(failed).rejects.toMatchObject({
        statusCode: 404,
        message: expect.stringContaining('none') as string,
      })
    })
  })
})
