import { StemkitError } from '@stemkit/spec/errors'
import type { TokenPair } from './encode-pair.ts'

/**
 * A pair that a model of `maxLength` tokens can score, its context being cut from the left where that is needed. The last
 * token is only foretold, so there may be one more than the model reads.
 * @throws bad-input for a continuation of no tokens, and for one of more than `maxLength`, where lm-evaluation-harness
 *   (`HFLM._loglikelihood_tokens`) asserts as well
 */
export function fitPair({ context, continuation }: TokenPair, maxLength: number | undefined): TokenPair {
  if (continuation.length === 0) {
    throw new StemkitError(
      'bad-input',
      'the tokenizer joins the whole continuation to the end of its context, so that nothing is left to score; separate them by white space',
    )
  }
  if (maxLength === undefined) return { context, continuation }
  const room = maxLength + 1 - continuation.length
  if (room < 1) {
    throw new StemkitError(
      'bad-input',
      `a continuation of ${continuation.length} tokens does not fit into a model of ${maxLength}; choose a model with a longer context, or leave the document or its task out`,
    )
  }
  return { context: context.slice(-room), continuation }
}
