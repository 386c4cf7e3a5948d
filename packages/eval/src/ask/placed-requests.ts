import { requestOrder } from './request-order.ts'
import type { EvalRequest, GenerateRequest, LoglikelihoodRequest, RollingRequest } from './requests.ts'

export type ScoreRequest = LoglikelihoodRequest | RollingRequest

/** A request, and its position among those that were asked. */
export interface Placed<R extends EvalRequest = EvalRequest> {
  readonly index: number
  readonly request: R
}

/** Requests in the order in which they are best asked, those that are scored apart from those that are answered with text. */
export function placeRequests(requests: readonly EvalRequest[]): {
  readonly scores: readonly Placed<ScoreRequest>[]
  readonly texts: readonly Placed<GenerateRequest>[]
} {
  const scores: Placed<ScoreRequest>[] = []
  const texts: Placed<GenerateRequest>[] = []
  for (const index of requestOrder(requests)) {
    const request = requests[index]!
    if (request.kind === 'generate_until') texts.push({ index, request })
    else scores.push({ index, request })
  }
  return { scores, texts }
}
