import { describe, expect, test } from 'vitest'
import { bigramModel, BOS } from '../testing/bigram-model.ts'
import type { EvalModel } from './eval-model.ts'
import { fromLanguageModel } from './from-language-model.ts'
import type { EvalAnswer, EvalRequest } from './requests.ts'

const TEXT = 'The cat sat on the mat. The cat ate the rat.\n\nQ: who sat?\nA: the cat.\n'
const greedy = { until: ['\n'], max_gen_toks: 12, do_sample: false }

async function ask(model: EvalModel, requests: readonly EvalRequest[]): Promise<EvalAnswer[]> {
  const answers: EvalAnswer[] = []
  for await (const { index, answer } of model.answer(requests)) {
    expect(answers[index]).toBeUndefined()
    answers[index] = answer
  }
  return answers
}

/** ln of the probability of a text after another, by the model itself. */
async function logprobOf(context: readonly number[], text: string): Promise<number> {
  const model = bigramModel(TEXT, { maxLength: 200 })
  const continuation = await model.encode(text)
  for await (const { logprobs } of model.score([{ context, continuation }])) {
    return logprobs.reduce((sum, each) => sum + each, 0)
  }
  throw new Error('no result')
}

describe('asking a language model', () => {
  test('scores what follows a context', async () => {
    const model = await fromLanguageModel(bigramModel(TEXT))
    const answers = await ask(model, [
      { kind: 'loglikelihood', context: 'The', continuation: ' cat' },
      { kind: 'loglikelihood', context: 'The', continuation: ' rat' },
    ])
    const context = [BOS, ...new TextEncoder().encode('The')]
    expect(answers).toEqual([
      { kind: 'loglikelihood', logprob: await logprobOf(context, ' cat'), greedy: true },
      { kind: 'loglikelihood', logprob: await logprobOf(context, ' rat'), greedy: false },
    ])
  })

  test('puts the start of texts before a context of nothing, and no second one', async () => {
    const model = await fromLanguageModel(bigramModel(TEXT))
    const answers = await ask(model, [
      { kind: 'loglikelihood', context: '', continuation: 'The' },
      { kind: 'loglikelihood', context: '', continuation: '<s>The' },
      { kind: 'loglikelihood', context: '<s>', continuation: 'The' },
    ])
    const expected = { kind: 'loglikelihood', logprob: await logprobOf([BOS], 'The') }
    for (const answer of answers) expect(answer).toMatchObject(expected)
  })

  test('cuts a context from the left that is too long, and says so', async () => {
    const short = await fromLanguageModel(bigramModel(TEXT), { maxLength: 5 })
    const requests: EvalRequest[] = [{ kind: 'loglikelihood', context: 'The cat sat', continuation: ' on' }]
    const notices: string[] = []
    for await (const { answer } of short.answer(requests, { onNotice: (notice) => notices.push(notice) })) {
      const context = new TextEncoder().encode('sat')
      expect(answer).toMatchObject({ logprob: await logprobOf([...context], ' on') })
    }
    expect(notices).toEqual(['the model is too short for the context of 1 request: its beginning was cut off'])
  })

  test('scores a continuation as long as itself, with one token before it', async () => {
    const short = await fromLanguageModel(bigramModel(TEXT), { maxLength: 8 })
    const request: EvalRequest = { kind: 'loglikelihood', context: 'The', continuation: ' cat sat' }
    await short.check!(request)
    const before = new TextEncoder().encode('e')
    expect(await ask(short, [request])).toMatchObject([{ logprob: await logprobOf([...before], ' cat sat') }])
  })

  test('says before it is asked what it cannot answer', async () => {
    const short = await fromLanguageModel(bigramModel(TEXT), { maxLength: 7 })
    const check = (request: EvalRequest): Promise<void> => short.check!(request)
    const lines = '" cat sat" after "The": a continuation of 8 tokens does not fit into a model of 7'
    await expect(check({ kind: 'loglikelihood', context: 'The', continuation: ' cat sat' })).rejects.toThrow(lines)
    // White space at the end of a context is scored with what follows.
    await expect(check({ kind: 'loglikelihood', context: 'The ', continuation: 'cat sat' })).rejects.toThrow('8 tokens')
    await check({ kind: 'loglikelihood', context: TEXT, continuation: ' cat' })
    const generate = { kind: 'generate_until', context: 'The', arguments: { ...greedy, max_gen_toks: 7 } } as const
    await expect(check(generate)).rejects.toThrow('the answer to "The": an answer of 7 tokens leaves no room')
    await check({ ...generate, arguments: { ...greedy, max_gen_toks: 6 } })
    const shrinking = await fromLanguageModel(bigramModel(TEXT), { maxLength: 7, truncation: { shrink: true } })
    await shrinking.check!(generate)
  })

  test('refuses a continuation that does not fit, naming it', async () => {
    const short = await fromLanguageModel(bigramModel(TEXT), { maxLength: 3 })
    const requests: EvalRequest[] = [{ kind: 'loglikelihood', context: 'The', continuation: ' cat sat' }]
    await expect(ask(short, requests)).rejects.toThrow(
      '" cat sat" after "The": a continuation of 8 tokens does not fit into a model of 3',
    )
  })

  test('scores a long text in windows, each token once', async () => {
    const lengths = [3, 8, 64]
    const sums = await Promise.all(
      lengths.map(async (maxLength) => {
        const model = await fromLanguageModel(bigramModel(TEXT), { maxLength })
        const [answer] = await ask(model, [{ kind: 'loglikelihood_rolling', text: TEXT }])
        return (answer as { logprob: number }).logprob
      }),
    )
    // Only the token before counts to this model, so windows change nothing.
    for (const sum of sums) expect(sum).toBeCloseTo(await logprobOf([BOS], `<s>${TEXT}`), 9)
    expect(
      await ask(await fromLanguageModel(bigramModel(TEXT), { addSpecial: false }), [
        { kind: 'loglikelihood_rolling', text: '' },
      ]),
    ).toEqual([{ kind: 'loglikelihood_rolling', logprob: 0 }])
  })

  test('continues a context up to a stop, or to the end of the text', async () => {
    const model = await fromLanguageModel(bigramModel('xyz.\nxyz.\n'))
    const texts = await ask(model, [
      { kind: 'generate_until', context: 'x', arguments: greedy },
      { kind: 'generate_until', context: 'x', arguments: { ...greedy, until: ['.', 'z'] } },
      { kind: 'generate_until', context: 'x', arguments: { ...greedy, until: [], max_gen_toks: 2 } },
      { kind: 'generate_until', context: '\n', arguments: { ...greedy, until: [''] } },
    ])
    expect(texts.map((answer) => (answer as { text: string }).text)).toEqual(['yz.', 'y', 'yz', 'xyz.\nxyz.\nxy'])
  })

  test('gives what comes after the thinking', async () => {
    const model = await fromLanguageModel(bigramModel('ab|cd\n'), { thinkEnd: '|' })
    const [answer] = await ask(model, [
      { kind: 'generate_until', context: 'a', arguments: { until: ['b', 'd'], max_gen_toks: 5, do_sample: false } },
    ])
    expect(answer).toEqual({ kind: 'generate_until', text: 'c' })
  })

  test('leaves room for the answer, or makes it shorter if told so', async () => {
    const request: EvalRequest = { kind: 'generate_until', context: 'xyz.\nxyz', arguments: greedy }
    await expect(ask(await fromLanguageModel(bigramModel(TEXT), { maxLength: 12 }), [request])).rejects.toThrow(
      'an answer of 12 tokens leaves no room for a prompt in a model of 12 tokens',
    )
    const options = { maxLength: 12, truncation: { shrink: true } }
    const notices: string[] = []
    const model = await fromLanguageModel(bigramModel('xyz.'), options)
    for await (const { answer } of model.answer([request], { onNotice: (notice) => notices.push(notice) })) {
      expect(answer).toEqual({ kind: 'generate_until', text: '.' })
    }
    expect(notices).toEqual(['the model is too short for the answer of 1 request: it may have fewer tokens'])
  })

  test('reads the context of choices once', async () => {
    const stats = { tokensRead: 0, requests: 0 }
    const model = await fromLanguageModel(bigramModel(TEXT, { maxLength: 200, stats }))
    const contexts = ['Q: who sat on the mat?\nA:', 'Q: who ate all of the rat?\nA:', 'What is it?']
    const choices = [' the cat', ' the rat', ' a mat', ' nobody']
    const requests = choices.flatMap((continuation) =>
      contexts.map((context): EvalRequest => ({ kind: 'loglikelihood', context, continuation })),
    )
    await ask(model, requests)
    expect(stats.requests).toBe(12)
    const characters = [...contexts, ...choices, ...choices, ...choices].join('').length
    expect(stats.tokensRead).toBeLessThan(characters + contexts.length)
  })

  test('has an id that says what changes its answers', async () => {
    const ids = await Promise.all(
      [
        {},
        { addSpecial: false },
        { maxLength: 9 },
        { thinkEnd: '|' },
        { seed: 1 },
        { truncation: { shrink: true } },
      ].map(async (options) => (await fromLanguageModel(bigramModel(TEXT), options)).id),
    )
    expect(ids[0]).toBe(bigramModel(TEXT).id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('can be cancelled', async () => {
    const model = await fromLanguageModel(bigramModel(TEXT))
    const requests: EvalRequest[] = [{ kind: 'loglikelihood', context: 'a', continuation: 'b' }]
    const answers = model.answer(requests, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(answers[Symbol.asyncIterator]().next()).rejects.toThrow('enough')
  })
})
