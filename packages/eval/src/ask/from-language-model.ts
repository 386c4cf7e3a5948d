import { StemkitError } from '@stemkit/spec/errors'
import type { LanguageModel, Prompted, Scored } from '@stemkit/spec/language-model'
import { answersId, type AnswerOptions } from './answer-options.ts'
import { checkRequest } from './check-request.ts'
import { cutAtStops } from './cut-at-stops.ts'
import type { Answered, AskOptions, EvalModel } from './eval-model.ts'
import { fitPrompt } from './fit-prompt.ts'
import { stopList } from './generation-arguments.ts'
import { about } from './name-request.ts'
import { createNotices, type Notices } from './notices.ts'
import { placeRequests, type Placed, type ScoreRequest } from './placed-requests.ts'
import type { GenerateRequest } from './requests.ts'
import { samplingOf } from './sampling.ts'
import { nothingScored, scoredPairs, scoreQuestion, type ScoreQuestion } from './score-question.ts'
import { evalTokens, type EvalTokens } from './text-tokens.ts'

export interface FromLanguageModelOptions extends AnswerOptions {
  readonly applyChatTemplate?: EvalModel['applyChatTemplate']
}

/**
 * Asks a language model, in process: questions about texts become questions about tokens, as lm-evaluation-harness makes
 * them. Requests go to the model in an order in which it reads a common context once; how many are worked at together is the
 * model's affair.
 * @throws bad-input for a length that the model does not have. While answering: bad-input for what does not fit into the
 *   model, naming the request
 */
export async function fromLanguageModel(
  model: LanguageModel,
  options: FromLanguageModelOptions = {},
): Promise<EvalModel> {
  const { maxLength = model.maxLength, applyChatTemplate } = options
  if (!(Number.isInteger(maxLength) && maxLength >= 1 && maxLength <= model.maxLength)) {
    throw new StemkitError('bad-input', `maxLength is ${maxLength}, but must be in 1..${model.maxLength}`)
  }
  const tokens = await evalTokens(model, options.addSpecial)

  return {
    id: answersId(model.id, options),
    maxLength,
    async *answer(requests, { signal, onNotice }: AskOptions = {}) {
      signal?.throwIfAborted()
      const { scores, texts } = placeRequests(requests)
      const notices = createNotices(onNotice)
      const asking = { model, tokens, maxLength, options, notices, cancel: signal ? { signal } : {} }
      try {
        if (scores.length > 0) yield* scoreAll(asking, scores)
        if (texts.length > 0) yield* generateAll(asking, texts)
      } finally {
        notices.give()
      }
    },
    check: (request) => checkRequest(request, { tokens, maxLength, truncation: options.truncation }),
    countTokens: async (text) => (await tokens.encode(text)).length,
    ...(applyChatTemplate && { applyChatTemplate }),
  }
}

interface Asking {
  readonly model: LanguageModel
  readonly tokens: EvalTokens
  readonly maxLength: number
  readonly options: AnswerOptions
  readonly notices: Notices
  readonly cancel: { readonly signal?: AbortSignal }
}

async function* scoreAll(asking: Asking, scores: readonly Placed<ScoreRequest>[]): AsyncGenerator<Answered, void> {
  /** What each pair that the model gets is a part of. */
  const asked: { readonly question: ScoreQuestion; readonly part: number }[] = []
  const empty: Answered[] = []

  async function* pairs(): AsyncGenerator<Scored, void> {
    for (const placed of scores) {
      const parts = await about(placed.request, () => scoredPairs(placed.request, asking))
      if (parts.length === 0) empty.push(nothingScored(placed))
      const question = scoreQuestion(placed, parts.length)
      for (const [part, pair] of parts.entries()) {
        asked.push({ question, part })
        yield pair
      }
    }
  }

  for await (const { index, logprobs, greedy } of asking.model.score(pairs(), asking.cancel)) {
    const { question, part } = asked[index]!
    const answered = question.take(part, logprobs, greedy)
    if (answered) yield answered
  }
  yield* empty
}

async function* generateAll(
  { model, tokens, maxLength, options, notices, cancel }: Asking,
  texts: readonly Placed<GenerateRequest>[],
): AsyncGenerator<Answered, void> {
  const { truncation, thinkEnd, seed } = options
  const stopsOf = ({ arguments: { until } }: GenerateRequest): string[] =>
    stopList(until, tokens.endText).filter((stop) => stop !== '')

  async function* prompts(): AsyncGenerator<Prompted, void> {
    for (const { request } of texts) {
      const { max_gen_toks: wanted } = request.arguments
      const whole = await tokens.encode(request.context)
      const { tokens: prompt, maxTokens } = await about(request, async () =>
        fitPrompt(whole, wanted, maxLength, truncation),
      )
      if (prompt.length < whole.length) notices.promptCut()
      if (maxTokens < wanted) notices.answerShortened()
      const sampling = samplingOf(request, seed)
      // What is thought may contain a stop, and is no answer yet.
      const stop = thinkEnd === undefined ? stopsOf(request) : []
      yield { prompt, maxTokens, stop, ...(sampling && { sampling }) }
    }
  }

  for await (const { index: place, text } of model.generate(prompts(), cancel)) {
    const { index, request } = texts[place]!
    yield { index, answer: { kind: 'generate_until', text: cutAtStops(text, stopsOf(request), thinkEnd) } }
  }
}
