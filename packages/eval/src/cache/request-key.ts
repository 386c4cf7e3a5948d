import type { EvalRequest } from '../ask/requests.ts'

/**
 * SHA-256, in hex, of a model's id and a request: what an answer is kept under. Which of several answers it is counts only
 * where answers are sampled, as the others are all the same.
 */
export async function requestKey(modelId: string, request: EvalRequest): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify([modelId, ...partsOf(request)]))
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function partsOf(request: EvalRequest): readonly unknown[] {
  const { kind } = request
  if (kind === 'loglikelihood') return [kind, request.context, request.continuation]
  if (kind === 'loglikelihood_rolling') return [kind, request.text]
  const { context, arguments: given, repeat = 0 } = request
  const sorted = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return [kind, context, sorted, given.do_sample ? repeat : 0]
}
