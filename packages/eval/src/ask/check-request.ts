import type { AnswerOptions } from './answer-options.ts'
import { encodePair, moveSpace, type TextTokens } from './encode-pair.ts'
import { fitPair } from './fit-pair.ts'
import { fitPrompt } from './fit-prompt.ts'
import { about } from './name-request.ts'
import type { EvalRequest } from './requests.ts'

export interface CheckOptions extends Pick<AnswerOptions, 'truncation'> {
  readonly tokens: TextTokens
  readonly maxLength: number
}

const utf8 = new TextEncoder()

/**
 * Refuses what a model of this length cannot answer, before it is asked anything: a continuation that is longer, as
 * lm-evaluation-harness asserts it is not, and an answer that leaves no room for a prompt. Few texts are encoded: a token
 * is a byte or more, but for what normalizers add, which is found when the request is asked.
 * @throws bad-input, naming the request
 */
export async function checkRequest(
  request: EvalRequest,
  { tokens, maxLength, truncation }: CheckOptions,
): Promise<void> {
  await about(request, async () => {
    if (request.kind === 'generate_until') fitPrompt([0], request.arguments.max_gen_toks, maxLength, truncation)
    if (request.kind !== 'loglikelihood') return
    const { context, continuation } = request
    if (utf8.encode(moveSpace(context, continuation).continuation).length <= maxLength) return
    fitPair(await encodePair(tokens, context, continuation), maxLength)
  })
}
