import { StemkitError } from '@stemkit/spec/errors'
import type { GeneratedResult, LanguageModel, Prompted, Scored, ScoredResult } from '@stemkit/spec/language-model'
import { collect } from './completion.ts'
import { contentId } from './content-id.ts'
import type { Model, RunOptions } from './model.ts'
import { startsOf } from './prompt.ts'

/**
 * A model as evaluation and editing tools see it: requests in, results out in the same order, one at a time, always the
 * likeliest token. Its id is the content hash of the weights, with the
 * version of tables that are in a store. The caller still disposes the model.
 */
export async function toLanguageModel(model: Model, options: RunOptions = {}): Promise<LanguageModel> {
  const { config, maxLength, tokenizer, weights, rows } = model
  return {
    id: await contentId(config, weights, { ...options, rows }),
    maxLength,

    async encode(text) {
      if (!tokenizer) throw new StemkitError('bad-input', 'encode: the model has no tokenizer')
      return Array.from(tokenizer.encode(text))
    },

    async *score(requests, { signal } = {}): AsyncGenerator<ScoredResult, void> {
      let index = 0
      for await (const request of requests) {
        const { tokens, from } = joined(request, startsOf(tokenizer), index)
        const { logprobs, best } = await model.score(tokens, { from, signal })
        yield { index: index++, logprobs, greedy: best.every((id, i) => id === tokens[from + i]) }
      }
    },

    async *generate(
      requests: AsyncIterable<Prompted> | Iterable<Prompted>,
      { signal } = {},
    ): AsyncGenerator<GeneratedResult, void> {
      let index = 0
      for await (const { prompt, maxTokens, stop } of requests) {
        const { text, tokens } = await collect(model.generate(prompt, { maxTokens, stop, temperature: 0, signal }))
        yield { index: index++, text, tokens }
      }
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
