import type { EvalRequest } from '../ask/requests.ts'
import { sha256 } from '../results/sha256.ts'

/**
 * SHA-256, in hex, of a model's id and a request: what an answer is kept under. Which of several answers it is counts only
 * where answers are sampled, as the others are all the same.
 */
export const requestKey = (modelId: string, request: EvalRequest): Promise<string> =>
  sha256(JSON.stringify([modelId, ...partsOf(request)]))

function partsOf(request: EvalRequest): readonly unknown[] {
  const { kind } = request
  if (kind === 'loglikelihood') return [kind, request.context, request.continuation]
  if (kind === 'loglikelihood_rolling') return [kind, request.text]
  const { context, arguments: given, repeat = 0 } = request
  const sorted = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [kind, context, sorted, given.do_sample ? repeat : 0]
}
