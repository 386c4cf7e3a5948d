import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { answersId, type AnswerOptions } from '../answer-options.ts'
import type { AskOptions, EvalModel } from '../eval-model.ts'
import { checkRequest } from '../check-request.ts'
import { createNotices } from '../notices.ts'
import { placeRequests } from '../placed-requests.ts'
import type { EvalRequest } from '../requests.ts'
import { evalTokens, type EvalTokens } from '../text-tokens.ts'
import { generateByCompletions } from './generate.ts'
import { describeModel, openScoring, type Scoring } from './open-server.ts'
import { openEndpoint, type EndpointOptions } from './post-completion.ts'
import { scoreByCompletions } from './score.ts'

export interface FromCompletionsOptions extends AnswerOptions, EndpointOptions {
  /** As the server names it. */
  readonly model: string
  /**
   * The tokenizer of its model: prompts are then sent as token ids, cut to the model's length, and scored token by token as
   * in process. Without it texts are sent, and long texts cannot be scored in windows.
   */
  readonly tokenizer?: Tokenizer | undefined
  /** Prompts of one request. Default 16. */
  readonly batchSize?: number | undefined
  /** Requests at once. Default 4. */
  readonly concurrency?: number | undefined
  /** Under which answers are kept. Default: the URL and the model's name; say more if that name may come to mean another model. */
  readonly id?: string | undefined
  readonly applyChatTemplate?: EvalModel['applyChatTemplate']
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks a server by the completions API of OpenAI. For scores it has to give the log-probabilities of prompts (`echo` with
 * `logprobs`), as stemkit's, vLLM's and llama.cpp's do. A busy or broken server is asked again, waiting longer each time, and
 * at least as long as it says; answers come as they are known, so that none is lost if it stays away.
 * @throws bad-input for options out of range, io for a server that is not there. While answering: bad-input for what the
 *   server refuses, io for one that stays away, unsupported for one without log-probabilities
 */
export async function fromCompletions(options: FromCompletionsOptions): Promise<EvalModel> {
  const { model, tokenizer, batchSize = 16, concurrency = 4, applyChatTemplate, signal: opening } = options
  for (const [name, value] of Object.entries({ batchSize, concurrency })) {
    if (Number.isInteger(value) && value >= 1) continue
    throw new StemkitError('bad-input', `completions: ${name} is ${value}, but must be a whole number, 1 or more`)
  }
  const endpoint = openEndpoint(options)
  const { maxLength: found, isStemkit } = await describeModel(endpoint, model, opening)
  const maxLength = options.maxLength ?? found
  const tokens = tokenizer && (await tokensOf(tokenizer, options.addSpecial))
  let scoring: Promise<Scoring> | undefined

  return {
    id: options.id ?? answersId(`${endpoint.name} ${model}`, options),
    maxLength,
    async *answer(requests, { signal, onNotice }: AskOptions = {}) {
      signal?.throwIfAborted()
      const { scores, texts } = placeRequests(requests)
      const notices = createNotices(onNotice)
      const asking = { endpoint, model, tokens, options, batchSize, concurrency, notices, signal }
      try {
        if (scores.length > 0) {
          scoring ??= openScoring(endpoint, model, signal)
          scoring.catch(() => (scoring = undefined))
          const { made } = await scoring
          // Our own server does not read the last token of a prompt that is only scored, so there may be one more.
          const room = isStemkit && made === 0 ? 0 : -1 - made
          yield* scoreByCompletions(asking, scores, { made, maxLength: maxLength && maxLength + room })
        }
        if (texts.length > 0) yield* generateByCompletions(asking, texts, maxLength)
      } finally {
        notices.give()
      }
    },
    ...(tokens &&
      maxLength !== undefined && {
        check: (request: EvalRequest) => checkRequest(request, { tokens, maxLength, truncation: options.truncation }),
      }),
    ...(tokens && { countTokens: async (text: string) => (await tokens.encode(text)).length }),
    ...(applyChatTemplate && { applyChatTemplate }),
  }
}

function tokensOf(tokenizer: Tokenizer, addSpecial: boolean | undefined): Promise<EvalTokens> {
  const { bos, eos } = tokenizer.special
  return evalTokens(
    {
      startToken: bos ?? eos,
      endToken: eos,
      encode: async (text, encoding) => Array.from(tokenizer.encode(text, encoding)),
      decode: async (ids, decoding) => tokenizer.decode(ids, decoding),
    },
    addSpecial,
  )
}
