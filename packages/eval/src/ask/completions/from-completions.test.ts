import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { describe, expect, test } from 'vitest'
import { memoryCache } from '../../cache/answer-cache.ts'
import { withCache } from '../../cache/with-cache.ts'
import { bigramModel, BOS, EOS } from '../../testing/bigram-model.ts'
import { serveCompletions, type CompletionsServerOptions } from '../../testing/completions-server.ts'
import { fromLanguageModel } from '../from-language-model.ts'
import type { EvalModel } from '../eval-model.ts'
import type { EvalAnswer, EvalRequest } from '../requests.ts'
import { fromCompletions, type FromCompletionsOptions } from './from-completions.ts'

const TEXT = 'The cat sat on the mat. The cat ate the rat.\n\nQ: who sat?\nA: the cat.\n'
const MAX_LENGTH = 40
const language = bigramModel(TEXT, { maxLength: MAX_LENGTH })

/** The model's own tokenizer, for those who ask from afar: bytes, and the marks of a text. */
const tokenizer: Tokenizer = {
  vocabSize: 258,
  special: { bos: BOS, eos: EOS },
  encode(text, { addSpecial = false } = {}) {
    const ids = text
      .split(/(<s>|<\/s>)/u)
      .flatMap((piece) => (piece === '<s>' ? [BOS] : piece === '</s>' ? [EOS] : [...new TextEncoder().encode(piece)]))
    return Uint32Array.from(addSpecial ? [BOS, ...ids] : ids)
  },
  decode(ids, { skipSpecial = true } = {}) {
    const names = new Map<number, string>(
      skipSpecial
        ? []
        : [
            [BOS, '<s>'],
            [EOS, '</s>'],
          ],
    )
    return Array.from(ids, (id) =>
      id < 256 ? new TextDecoder().decode(Uint8Array.of(id)) : (names.get(id) ?? ''),
    ).join('')
  },
  tokenToId: () => undefined,
  idToToken: () => undefined,
}

const greedy = { until: ['\n', '.', 'x', 'y', 'z'], max_gen_toks: 12, do_sample: false }
const scores: EvalRequest[] = [
  { kind: 'loglikelihood', context: 'The', continuation: ' cat' },
  { kind: 'loglikelihood', context: 'The cat \n', continuation: 'sat' },
  { kind: 'loglikelihood', context: '', continuation: 'The' },
  { kind: 'loglikelihood', context: 'The', continuation: ' rat' },
]
const long: EvalRequest[] = [
  { kind: 'loglikelihood_rolling', text: TEXT },
  { kind: 'loglikelihood', context: TEXT, continuation: ' sat' },
]
const texts: EvalRequest[] = [
  { kind: 'generate_until', context: 'The', arguments: greedy },
  { kind: 'generate_until', context: 'Q', arguments: { ...greedy, until: [], max_gen_toks: 3 } },
  { kind: 'generate_until', context: 'A', arguments: greedy },
]

async function ask(model: EvalModel, requests: readonly EvalRequest[]): Promise<EvalAnswer[]> {
  const answers: EvalAnswer[] = []
  for await (const { index, answer } of model.answer(requests)) answers[index] = answer
  return answers
}
const inProcess = async (requests: readonly EvalRequest[], maxLength = MAX_LENGTH): Promise<EvalAnswer[]> =>
  ask(await fromLanguageModel(language, { maxLength }), requests)

async function withServer(
  serving: CompletionsServerOptions,
  options: Partial<FromCompletionsOptions>,
  work: (model: EvalModel, server: Awaited<ReturnType<typeof serveCompletions>>) => Promise<void>,
): Promise<void> {
  await using server = await serveCompletions(language, serving)
  const model = await fromCompletions({ url: server.url, model: 'bigrams', tokenizer, retries: 2, ...options })
  await work(model, server)
}

describe('asking a server', () => {
  test.each([
    { batchSize: 1, concurrency: 1 },
    { batchSize: 3, concurrency: 2 },
    { batchSize: 32, concurrency: 4 },
  ])('gives the answers that are given in process (%o)', (options) =>
    withServer({ maxLength: MAX_LENGTH }, options, async (model) => {
      expect(model.maxLength).toBe(MAX_LENGTH)
      // The server reads the last token of a prompt, too, so it has one less for what stands before.
      expect(await ask(model, [...scores, ...long, ...texts])).toEqual([
        ...(await inProcess(scores)),
        ...(await inProcess(long, MAX_LENGTH - 1)),
        ...(await inProcess(texts)),
      ])
    }),
  )

  test('that insists on making a token gets one, and one less to read', () =>
    withServer({ maxLength: MAX_LENGTH, insistsOnOne: true }, {}, async (model, server) => {
      expect(await ask(model, scores)).toEqual(await inProcess(scores))
      expect(await ask(model, long)).toEqual(await inProcess(long, MAX_LENGTH - 2))
      expect(server.served.every((body) => body['max_tokens'] === 1)).toBe(true)
    }))

  test.each([false, true])(
    'that makes its own tokens gets texts, and says where they begin (characters: %s)',
    (countsCharacters) =>
      withServer({ insistsOnOne: true, countsCharacters }, { tokenizer: undefined }, async (model) => {
        const emoji: EvalRequest = { kind: 'loglikelihood', context: '🙂 The', continuation: ' cat' }
        const requests = [...scores, emoji, ...texts]
        expect(await ask(model, requests)).toEqual(await inProcess(requests))
        await expect(ask(model, long)).rejects.toThrow('takes the tokenizer of the model')
      }),
  )

  test('sends prompts together that want the same', () =>
    withServer({ maxLength: MAX_LENGTH }, { concurrency: 1 }, async (model, server) => {
      await ask(model, texts)
      expect(server.served.map(({ prompt }) => (prompt as unknown[]).length).toSorted()).toEqual([1, 2])
      expect(server.served.every(({ stop }) => stop === undefined || (stop as string[]).length <= 4)).toBe(true)
    }))
})

describe('a server in trouble', () => {
  test('is asked again: after a dropped connection, an error of its own, and when it says so', () =>
    withServer({ maxLength: MAX_LENGTH }, { retries: 3 }, async (model, server) => {
      server.faults.push('drop', { status: 503 }, { status: 429, headers: { 'retry-after': '0' } })
      expect(await ask(model, scores)).toEqual(await inProcess(scores))
      expect(server.faults).toEqual([])
    }))

  test('that stays away ends the run with a clear message, and what was answered is kept', async () => {
    const cache = memoryCache()
    await withServer({ maxLength: MAX_LENGTH }, { batchSize: 1, concurrency: 1, retries: 1 }, async (bare, server) => {
      const model = withCache(bare, cache)
      const run = async (): Promise<number> => {
        let answered = 0
        for await (const { cached } of model.answer(scores)) {
          if (!cached) answered++
          if (answered === 2) server.faults.push('drop', 'drop', 'drop', 'drop')
        }
        return answered
      }
      await expect(run()).rejects.toThrow(/127\.0\.0\.1:\d+\/v1\/completions: the connection failed .*attempt 2 of 2/)
      server.faults.length = 0
      const before = server.served.length
      expect(await ask(model, scores)).toEqual(await inProcess(scores))
      expect(server.served.length - before).toBeLessThanOrEqual(2)
    })
  })

  test('is named where it is not there', async () => {
    const options = { url: 'http://127.0.0.1:9/v1', model: 'bigrams', retries: 0 }
    await expect(fromCompletions(options)).rejects.toThrow(/127\.0\.0\.1:9\/v1\/models: the connection failed/)
    await expect(fromCompletions({ ...options, url: 'nowhere' })).rejects.toThrow("'nowhere' is no URL")
    await expect(fromCompletions({ ...options, batchSize: 0 })).rejects.toThrow('completions: batchSize is 0')
  })

  test('that refuses is quoted, and not asked again', () =>
    withServer({ maxLength: MAX_LENGTH }, {}, async (model, server) => {
      await ask(model, scores)
      server.faults.push({ status: 400, message: 'too long by a mile' })
      await expect(ask(model, scores)).rejects.toThrow('refuses the request: 400 too long by a mile')
      expect(server.faults).toEqual([])
    }))

  test('that wants a key gets one', () =>
    withServer({ maxLength: MAX_LENGTH, apiKey: 'k' }, { apiKey: 'k' }, async (model, { url }) => {
      expect(await ask(model, scores)).toHaveLength(4)
      await expect(fromCompletions({ url, model: 'bigrams' })).rejects.toThrow('401 no such key')
    }))

  test('without log-probabilities of prompts can still be asked for texts', () =>
    withServer({ maxLength: MAX_LENGTH, isSilent: true }, {}, async (model) => {
      await expect(ask(model, scores)).rejects.toThrow(/gives no log-probabilities of prompts/)
      expect(await ask(model, texts)).toEqual(await inProcess(texts))
    }))

  test('that adds tokens of its own is found out', () =>
    withServer({ maxLength: MAX_LENGTH, addsBos: true }, {}, async (model) => {
      await expect(ask(model, scores)).rejects.toThrow('tokens of a prompt of')
    }))
})

test('a run can be cancelled while a server is slow', () =>
  withServer({ maxLength: MAX_LENGTH }, { retries: 5 }, async (model, server) => {
    for (let i = 0; i < 9; i++) server.faults.push({ status: 503, headers: { 'retry-after': '30' } })
    const controller = new AbortController()
    const answers = model.answer(scores, { signal: controller.signal })[Symbol.asyncIterator]()
    setTimeout(() => controller.abort(new Error('enough')), 20)
    await expect(answers.next()).rejects.toThrow('enough')
  }))
