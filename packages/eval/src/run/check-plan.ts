import type { EvalModel } from '../ask/eval-model.ts'
import { namingLater } from './naming.ts'
import type { RunPlan } from './plan-run.ts'

/**
 * Has a model look at what it will be asked, so that a run which cannot end does not begin.
 * @throws what the model has against a request, naming task and document; the reason of `signal`
 */
export async function checkPlan({ tasks }: RunPlan, model: EvalModel, signal?: AbortSignal): Promise<void> {
  if (!model.check) return
  for (const { task, documents } of tasks) {
    for (const { docId, requests } of documents) {
      signal?.throwIfAborted()
      await namingLater(task, docId, async () => {
        for (const { request } of requests) await model.check?.(request)
      })
    }
  }
}
