import { StemkitError } from '@stemkit/spec/errors'
import type { GeneratedResult, LanguageModel, Scored, ScoredResult } from '@stemkit/spec/language-model'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { collect } from './completion.ts'
import { contentId } from './content-id.ts'
import type { TableOptions } from './generation.ts'
import { inOrder } from './in-order.ts'
import type { Model, RunOptions } from './model.ts'
import { startsOf } from './prompt.ts'

/**
 * A model as evaluation and editing tools see it: requests in, results out in the same order, the likeliest token unless a
 * request says otherwise. Twice as many requests as the model has slots are with it at a time, so that its steps are shared;
 * that changes a log-probability by rounding, less than 1e-5, or not at all if the model is deterministic. Its id is the
 * content hash of the weights, with the version of tables that are in a store and how keys and values are kept. The caller still disposes the model.
 */
export async function toLanguageModel(model: Model, options: RunOptions = {}): Promise<LanguageModel> {
  const { config, weights, rows, kvCache } = model
  const content = await contentId(config, weights, { ...options, rows })
  return { id: kvCache === 'f32' ? content : `${content}+kv-${kvCache}`, ...languageModelOver(model) }
}

/** The same over other rows, of an edit that is only tried, say; without an id, as such rows need not have a name. */
export function languageModelOver(
  model: Model,
  tables: Pick<TableOptions, 'overlay' | 'rows'> = {},
): Omit<LanguageModel, 'id'> {
  const { maxLength, tokenizer } = model
  const window = 2 * model.stats().slots
  const [startToken] = startsOf(tokenizer)
  const reader = (what: string): Tokenizer => {
    if (!tokenizer) throw new StemkitError('bad-input', `${what}: the model has no tokenizer`)
    return tokenizer
  }
  return {
    maxLength,
    startToken,
    endToken: tokenizer?.special.eos,

    encode: async (text, encoding) => Array.from(reader('encode').encode(text, encoding)),
    decode: async (tokens, decoding) => reader('decode').decode(tokens, decoding),

    score(requests, { signal } = {}): AsyncGenerator<ScoredResult, void> {
      return inOrder(requests, { window, signal }, async (request, index, stop) => {
        const { tokens, from } = joined(request, startsOf(tokenizer), index)
        const { logprobs, best } = await model.score(tokens, { ...tables, from, signal: stop })
        return { index, logprobs, greedy: best.every((id, i) => id === tokens[from + i]) }
      })
    },

    generate(requests, { signal } = {}): AsyncGenerator<GeneratedResult, void> {
      return inOrder(requests, { window, signal }, async ({ prompt, sampling, ...rest }, index, ending) => {
        const chosen = { temperature: sampling ? 1 : 0, topP: 1, ...sampling }
        const asked = { ...tables, ...rest, ...chosen, logprobs: false, signal: ending }
        const { text, tokens } = await collect(model.generate(prompt, asked))
        return { index, text, tokens }
      })
    },
  }
}

/** Context and continuation as one sequence; a continuation of nothing follows the token that texts start with. */
function joined(
  { context, continuation }: Scored,
  start: readonly number[],
  index: number,
): { tokens: readonly number[]; from: number } {
  const before = context.length > 0 ? context : start
  if (before.length === 0) {
    throw new StemkitError(
      'bad-input',
      `score: request ${index} has no context, and the tokenizer has no BOS to stand for it; put a token before the continuation`,
    )
  }
  return { tokens: [...before, ...continuation], from: before.length }
}
