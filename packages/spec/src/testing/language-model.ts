import { StemkitError } from '../errors.ts'
import type { GeneratedResult, LanguageModel, Prompted, Scored, ScoredResult } from '../language-model.ts'
import type { ConformanceTest } from './row-driver.ts'

export interface LanguageModelSuite {
  /** Opens the model; called once for each promise. */
  readonly open: () => Promise<LanguageModel>
  readonly close?: (model: LanguageModel) => Promise<void>
  /** A text of at least six tokens that has room for eight more, whose beginning the model does not end at once. */
  readonly text: string
  /** By how much the log-probability of a token may change with its company. Default 1e-4. */
  readonly tolerance?: number
}

/**
 * The behaviour that every language model promises, as tests.
 * @param test the caller's `test`
 */
export function languageModelConformance(test: ConformanceTest, suite: LanguageModelSuite): void {
  for (const [name, promise] of Object.entries(promises)) {
    test(name, async () => {
      const model = await suite.open()
      try {
        const tokens = await model.encode(suite.text)
        check(tokens.length >= 6, `the text has ${tokens.length} tokens; give one of at least six`)
        await promise({ model, tokens, text: suite.text, tolerance: suite.tolerance ?? 1e-4 })
      } finally {
        await suite.close?.(model)
      }
    })
  }
}

interface Given {
  readonly model: LanguageModel
  readonly tokens: readonly number[]
  readonly text: string
  readonly tolerance: number
}

const promises: Readonly<Record<string, (given: Given) => Promise<void>>> = {
  async 'text: decodes to what was encoded'({ model, tokens, text }) {
    const found = await model.decode(tokens)
    check(found.trim() === text.trim(), `'${text}' came back as '${found}'`)
  },

  async 'score: gives each continuation one log-probability a token, in the order of the requests'(given) {
    const { model, tokens } = given
    const requests = [1, 3, 2].map((length) => ({
      context: tokens.slice(0, 2),
      continuation: tokens.slice(2, 2 + length),
    }))
    const results = await all(model.score(requests))
    check(results.map(({ index }) => index).join() === '0,1,2', 'results are not in the order of the requests')
    check(results.map(({ logprobs }) => logprobs.length).join() === '1,3,2', 'one log-probability a token is due')
    for (const { logprobs } of results) {
      check(
        logprobs.every((each) => each <= given.tolerance),
        `a log-probability is above 0: ${logprobs.join()}`,
      )
    }
  },

  async 'score: depends on all tokens before, and on nothing else'(given) {
    const { model, tokens, tolerance } = given
    const whole = await score(model, { context: tokens.slice(0, 1), continuation: tokens.slice(1) })
    const parts = tokens.slice(1).map((token, i) => ({ context: tokens.slice(0, i + 1), continuation: [token] }))
    const order = parts.map((_, i) => (i * 5 + 3) % parts.length)
    const shuffled = new Set(order).size === parts.length ? order : [...parts.keys()].toReversed()
    const results = await all(model.score(shuffled.map((i) => parts[i]!)))
    results.forEach(({ logprobs }, place) => {
      const i = shuffled[place]!
      const difference = Math.abs(logprobs[0]! - whole.logprobs[i]!)
      check(difference <= tolerance, `token ${i + 1} differs by ${difference} with its company`)
    })
  },

  async 'score: takes a context of nothing for the start of a text'({ model, tokens, tolerance }) {
    if (model.startToken === undefined) return
    const continuation = tokens.slice(0, 3)
    const [nothing, start] = await all(
      model.score([
        { context: [], continuation },
        { context: [model.startToken], continuation },
      ]),
    )
    nothing!.logprobs.forEach((found, i) => check(Math.abs(found - start!.logprobs[i]!) <= tolerance, 'they differ'))
  },

  async 'score: takes a continuation of nothing'({ model, tokens }) {
    const { logprobs, greedy } = await score(model, { context: tokens, continuation: [] })
    check(logprobs.length === 0 && greedy, 'it has no log-probabilities, and nothing in it is a second choice')
  },

  async 'score: says whether the model would have said it'({ model, tokens }) {
    const context = tokens.slice(0, 2)
    const { tokens: made } = await generate(model, { prompt: context, maxTokens: 4 })
    const other = [...made.slice(0, -1), made.at(-1) === tokens[0] ? tokens[1]! : tokens[0]!]
    const results = await all(model.score([made, other].map((continuation) => ({ context, continuation }))))
    check(results[0]!.greedy, 'the likeliest continuation is not called greedy')
    check(!results[1]!.greedy || other.join() === made.join(), 'another continuation is called greedy')
  },

  async 'generate: makes the same text each time, and no more than asked'({ model, tokens }) {
    const prompt = tokens.slice(0, 3)
    const results = await all(model.generate([8, 3, 8].map((maxTokens) => ({ prompt, maxTokens }))))
    const [long, short, again] = results
    check(long!.tokens.length <= 8 && short!.tokens.length <= 3, 'there are more tokens than asked for')
    check(
      long!.tokens.join() === again!.tokens.join() && long!.text === again!.text,
      'the same prompt went on otherwise',
    )
    check(
      long!.tokens.slice(0, 3).join() === short!.tokens.join(),
      'a shorter text is not the beginning of a longer one',
    )
  },

  async 'generate: ends before a stop string'({ model, tokens }) {
    const prompt = tokens.slice(0, 3)
    const free = await generate(model, { prompt, maxTokens: 8 })
    const stop = [...free.text].at(-1)
    if (stop === undefined) return
    const { text } = await generate(model, { prompt, maxTokens: 8, stop: [stop] })
    check(text === free.text.slice(0, free.text.indexOf(stop)), `'${text}' does not end before '${stop}'`)
  },

  async 'generate: chooses the same again for a seed'({ model, tokens }) {
    const request = { prompt: tokens.slice(0, 3), maxTokens: 6, sampling: { temperature: 1.5, seed: 11 } }
    const [first, second] = await all(model.generate([request, request]))
    check(first!.tokens.join() === second!.tokens.join(), 'two texts of one seed differ')
  },

  async 'signal: ends what is asked'({ model, tokens }) {
    const signal = AbortSignal.abort(new StemkitError('io', 'enough'))
    const asked = { context: tokens.slice(0, 2), continuation: tokens.slice(2) }
    const outcome = await all(model.score([asked], { signal })).then(
      () => 'it went on',
      (error: unknown) => (error as Error).message,
    )
    check(outcome === 'enough', `the reason of the signal was to be thrown, but: ${outcome}`)
  },
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`language model conformance: ${what}`)
}

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const result of results) list.push(result)
  return list
}

const score = async (model: LanguageModel, request: Scored): Promise<ScoredResult> =>
  (await all(model.score([request])))[0]!

const generate = async (model: LanguageModel, request: Prompted): Promise<GeneratedResult> =>
  (await all(model.generate([request])))[0]!
