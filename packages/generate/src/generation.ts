import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { createRandom } from './random.ts'
import { candidates, checkSampling, logProbability, penalizeRepetition, pick, type SamplingOptions } from './sampler.ts'
import { createStopStrings } from './stop-strings.ts'
import { createTextStream } from './text-stream.ts'

export interface GenerateOptions extends SamplingOptions {
  /** Default: until the model ends the text, or its length is reached. */
  readonly maxTokens?: number | undefined
  /** Makes the choices repeatable. Default: different every time. */
  readonly seed?: number | undefined
  /** Strings that end the text; they are left out of it. */
  readonly stop?: readonly string[] | undefined
  /** Tokens that end the text. Default: the tokenizer's EOS and BOS. */
  readonly stopTokens?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** `stop`: the model ended the text, or a stop string occurred. `length`: maxTokens or the model's length was reached. */
export type FinishReason = 'stop' | 'length'

/** One generated token. */
export interface Piece {
  /** Text that became certain with this token. Never half a character, never the start of a stop string; may be ''. */
  readonly text: string
  readonly token: number
  /** ln of the model's own probability of the token, whatever the sampling options. */
  readonly logprob: number
  /** Set on the last piece. */
  readonly finishReason?: FinishReason
}

/** Tokens as they are made. Iterate once; leaving the loop ends the work. */
export interface Generation extends AsyncIterable<Piece> {
  /** What the prompt became. */
  readonly promptTokens: readonly number[]
}

export interface Generator {
  readonly maxLength: number
  readonly tokenizer: Tokenizer | undefined
  /** Throws bad-input for ids that are no tokens. */
  check(tokens: readonly number[]): void
  /** Logits [V] of what follows `ids`. */
  next(ids: Int32Array, signal?: AbortSignal): Promise<Float32Array>
}

/**
 * Continues `prompt`, a text or token ids.
 * @throws bad-input, at once, for options out of range, a prompt that is empty, leaves no room or has ids out of range; while iterating:
 *   diverged for logits that are no numbers, and the reason of `signal`
 */
export function startGeneration(
  model: Generator,
  prompt: string | readonly number[],
  options: GenerateOptions = {},
): Generation {
  const sampling = checkSampling(options)
  const { maxTokens = Infinity, stop = [] } = options
  if (maxTokens !== Infinity && !(Number.isInteger(maxTokens) && maxTokens >= 0)) {
    throw new StemkitError('bad-input', `generate: maxTokens is ${maxTokens}, but must be a whole number, 0 or more`)
  }
  const stops = createStopStrings(stop)
  const promptTokens = encodePrompt(model, prompt)
  const room = model.maxLength - promptTokens.length
  const limit = Math.min(maxTokens, room)
  const ends = new Set(options.stopTokens ?? endsOf(model.tokenizer))
  const random = createRandom(options.seed)
  const { signal } = options

  async function* pieces(): AsyncGenerator<Piece, void> {
    const text = model.tokenizer ? createTextStream(model.tokenizer, promptTokens) : undefined
    const ids = [...promptTokens]
    for (let made = 1; made <= limit; made++) {
      const logits = await model.next(Int32Array.from(ids), signal)
      const penalized = penalizeRepetition(logits, ids, sampling.repetitionPenalty)
      const token = pick(candidates(penalized, sampling), random())
      const logprob = logProbability(logits, token)
      if (!Number.isFinite(logprob)) {
        throw new StemkitError(
          'diverged',
          `generate: the logits after ${ids.length} tokens are no numbers; check the weights`,
        )
      }
      ids.push(token)
      const ended = ends.has(token)
      const found = stops.push((ended ? text?.flush() : text?.push(token)) ?? '')
      if (ended || found.stopped) {
        yield { text: found.stopped ? found.text : found.text + stops.flush(), token, logprob, finishReason: 'stop' }
        return
      }
      if (made < limit) {
        yield { text: found.text, token, logprob }
        continue
      }
      const last = stops.push(text?.flush() ?? '')
      const rest = last.stopped ? '' : stops.flush()
      yield { text: found.text + last.text + rest, token, logprob, finishReason: last.stopped ? 'stop' : 'length' }
    }
  }

  return { promptTokens, [Symbol.asyncIterator]: pieces }
}

function encodePrompt(
  { tokenizer, maxLength, check }: Generator,
  prompt: string | readonly number[],
): readonly number[] {
  if (typeof prompt === 'string' && !tokenizer) {
    throw new StemkitError('bad-input', 'generate: the model has no tokenizer, so the prompt must be token ids')
  }
  const given = typeof prompt === 'string' ? Array.from(tokenizer!.encode(prompt, { addSpecial: true })) : prompt
  const tokens = given.length > 0 ? given : startsOf(tokenizer)
  if (tokens.length === 0) {
    throw new StemkitError(
      'bad-input',
      'generate: the prompt is empty and the tokenizer has no BOS to start from; give some text',
    )
  }
  if (tokens.length >= maxLength) {
    throw new StemkitError(
      'bad-input',
      `generate: the prompt has ${tokens.length} tokens, which leaves no room in a model of length ${maxLength}; shorten it to ${maxLength - 1} or less`,
    )
  }
  check(tokens)
  return tokens
}

/** What an empty text starts from: the token that stands before documents. */
export function startsOf(tokenizer: Tokenizer | undefined): readonly number[] {
  const start = tokenizer?.special.bos ?? tokenizer?.special.eos
  return start === undefined ? [] : [start]
}

/** EOS ends a text, and so does BOS: it begins the next one. */
function endsOf(tokenizer: Tokenizer | undefined): number[] {
  const { bos, eos } = tokenizer?.special ?? {}
  return [bos, eos].filter((id) => id !== undefined)
}
