import { StemkitError } from '@stemkit/spec/errors'
import type { GeneratedResult, LanguageModel, Scored, ScoredResult } from '@stemkit/spec/language-model'
import { collect } from './completion.ts'
import { contentId } from './content-id.ts'
import { inOrder } from './in-order.ts'
import type { Model, RunOptions } from './model.ts'
import { startsOf } from './prompt.ts'

/**
 * A model as evaluation and editing tools see it: requests in, results out in the same order, always the likeliest token.
 * Twice as many requests as the model has slots are with it at a time, so that its steps are shared; that changes a
 * log-probability by rounding, less than 1e-5. Its id is the content hash of the weights, with the version of tables that
 * are in a store. The caller still disposes the model.
 */
export async function toLanguageModel(model: Model, options: RunOptions = {}): Promise<LanguageModel> {
  const { config, maxLength, tokenizer, weights, rows } = model
  const window = 2 * model.stats().slots
  return {
    id: await contentId(config, weights, { ...options, rows }),
    maxLength,

    async encode(text) {
      if (!tokenizer) throw new StemkitError('bad-input', 'encode: the model has no tokenizer')
      return Array.from(tokenizer.encode(text))
    },

    score(requests, { signal } = {}): AsyncGenerator<ScoredResult, void> {
      return inOrder(requests, { window, signal }, async (request, index, stop) => {
        const { tokens, from } = joined(request, startsOf(tokenizer), index)
        const { logprobs, best } = await model.score(tokens, { from, signal: stop })
        return { index, logprobs, greedy: best.every((id, i) => id === tokens[from + i]) }
      })
    },

    generate(requests, { signal } = {}): AsyncGenerator<GeneratedResult, void> {
      return inOrder(requests, { window, signal }, async ({ prompt, maxTokens, stop }, index, ending) => {
        const greedy = { maxTokens, stop, temperature: 0, logprobs: false, signal: ending }
        const { text, tokens } = await collect(model.generate(prompt, greedy))
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
