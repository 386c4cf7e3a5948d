import { StemkitError } from '@stemkit/spec/errors'
import { encodePair, type TextTokens, type TokenPair } from './encode-pair.ts'
import type { Answered } from './eval-model.ts'
import { fitPair } from './fit-pair.ts'
import type { Notices } from './notices.ts'
import type { Placed, ScoreRequest } from './placed-requests.ts'
import { rollingWindows } from './rolling-windows.ts'

/** What a request becomes that is scored: one pair of tokens, or the windows of a long text. */
export async function scoredPairs(
  request: ScoreRequest,
  {
    tokens,
    maxLength,
    notices,
  }: {
    readonly tokens: TextTokens
    /** Undefined where the model's length is not known. */
    readonly maxLength: number | undefined
    readonly notices: Pick<Notices, 'contextCut'>
  },
): Promise<readonly TokenPair[]> {
  if (request.kind === 'loglikelihood') {
    const whole = await encodePair(tokens, request.context, request.continuation)
    const fitted = fitPair(whole, maxLength)
    if (fitted.context.length < whole.context.length) notices.contextCut()
    return [fitted]
  }
  const text = await tokens.encode(request.text)
  const { startToken } = tokens
  if (startToken === undefined) {
    throw new StemkitError('bad-input', 'the tokenizer has no BOS or EOS to stand before a text; give it one')
  }
  return rollingWindows(text, { startToken, maxLength: maxLength ?? Math.max(1, text.length) })
}

/** Collects the scores of one request, whose parts may come in any order. */
export interface ScoreQuestion {
  /** Gives the answer with the last part. */
  take(part: number, logprobs: ArrayLike<number>, greedy: boolean): Answered | undefined
}

export function scoreQuestion({ index, request: { kind } }: Placed<ScoreRequest>, parts: number): ScoreQuestion {
  const sums = new Float64Array(parts)
  let left = parts
  let isGreedy = true
  return {
    take(part, logprobs, greedy) {
      let sum = 0
      for (let i = 0; i < logprobs.length; i++) sum += logprobs[i]!
      sums[part] = sum
      isGreedy &&= greedy
      left--
      if (left > 0) return undefined
      const logprob = sums.reduce((total, each) => total + each, 0)
      return { index, answer: kind === 'loglikelihood' ? { kind, logprob, greedy: isGreedy } : { kind, logprob } }
    },
  }
}

/** The answer to a text of no tokens. */
export const nothingScored = ({ index }: Placed<ScoreRequest>): Answered => ({
  index,
  answer: { kind: 'loglikelihood_rolling', logprob: 0 },
})
