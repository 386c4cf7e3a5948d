import { StemkitError } from '@stemkit/spec/errors'
import type { LanguageModel } from '@stemkit/spec/language-model'

/** Tokens of texts in pieces of at most `length`, each of which begins anew; those of one token foretell nothing. */
export function cutTexts(texts: readonly (readonly number[])[], length: number): number[][] {
  return texts.flatMap((ids) =>
    Array.from({ length: Math.ceil(ids.length / length) }, (_, i) => ids.slice(i * length, (i + 1) * length)).filter(
      (piece) => piece.length > 1,
    ),
  )
}

/** exp of the mean of -ln p over all tokens behind the first of each text. @throws bad-input for texts without any */
export async function perplexityOf(
  model: Pick<LanguageModel, 'score'>,
  texts: readonly (readonly number[])[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  const requests = texts.map((ids) => ({ context: ids.slice(0, 1), continuation: ids.slice(1) }))
  let [sum, tokens] = [0, 0]
  for await (const { logprobs } of model.score(requests, options)) {
    for (const value of logprobs) sum -= value
    tokens += logprobs.length
  }
  if (tokens > 0) return Math.exp(sum / tokens)
  throw new StemkitError('bad-input', 'measure: the texts foretell no token; give some of two tokens or more')
}
