import type { EvalModel } from '../ask/eval-model.ts'
import type { AnswerCache } from './answer-cache.ts'
import { requestKey } from './request-key.ts'

/**
 * A model that is asked only what it has not answered before: known answers come first, new ones are kept as they arrive,
 * before they are given out. Requests that are the same are asked once. The cache stays the caller's.
 */
export function withCache(model: EvalModel, cache: AnswerCache): EvalModel {
  return {
    ...model,
    async *answer(requests, options = {}) {
      const keys = await Promise.all(requests.map((request) => requestKey(model.id, request)))
      /** Where each question that is not answered yet stands. */
      const open = new Map<string, number[]>()
      for (const [index, key] of keys.entries()) {
        const answer = cache.get(key)
        if (answer) yield { index, answer, cached: true }
        else if (!open.get(key)?.push(index)) open.set(key, [index])
      }
      if (open.size === 0) return
      const places = [...open.values()]
      const asked = places.map(([first]) => requests[first!]!)
      for await (const { index: place, answer } of model.answer(asked, options)) {
        const [first, ...same] = places[place]!
        cache.put(keys[first!]!, answer)
        yield { index: first!, answer }
        for (const index of same) yield { index, answer, cached: true }
      }
    },
  }
}
