import { StemkitError } from '@stemkit/spec/errors'
import type { EvalModel } from '../ask/eval-model.ts'
import type { EvalAnswer, EvalRequest } from '../ask/requests.ts'
import { checkPlan } from './check-plan.ts'
import { planRun, type RunOptions } from './plan-run.ts'
import { scoreRun, type EvalRun } from './score-run.ts'

export interface EvaluateOptions extends RunOptions {
  readonly model: EvalModel
  /** Rounds of the bootstrap for errors without a closed form; 0 computes no errors. Default 100,000. */
  readonly bootstrapRounds?: number
  /** Called as answers arrive. */
  readonly onProgress?: (progress: EvalProgress) => void
  /** Told what a user should know: that contexts were cut, say. */
  readonly onNotice?: (notice: string) => void
}

export interface EvalProgress {
  /** Requests that are answered. */
  readonly done: number
  readonly total: number
  /** How many of them were known before. */
  readonly cached: number
}

/**
 * Evaluates a model on tasks: builds all requests, asks them in one go, scores the answers.
 *
 * The scores do not depend on the order or the number of requests that the model answers at a time. With a model that keeps its answers
 * (`withCache`), an interrupted run goes on where it ended.
 * @throws where a task or its data are not known, options contradict each other, a request does not fit into the model (naming
 *   its document, before anything is asked), or the model fails
 */
export async function evaluate(options: EvaluateOptions): Promise<EvalRun> {
  const { model, bootstrapRounds } = options
  const plan = await planRun(options, model)
  await checkPlan(plan, model, options.signal)
  const answers = await ask(model, plan.requests, options)
  return scoreRun(plan, answers, bootstrapRounds === undefined ? {} : { bootstrapRounds })
}

/** The answer to every request, in their order. */
async function ask(
  model: EvalModel,
  requests: readonly EvalRequest[],
  options: EvaluateOptions,
): Promise<EvalAnswer[]> {
  const { signal, onNotice, onProgress } = options
  const answers: (EvalAnswer | undefined)[] = Array.from({ length: requests.length })
  let done = 0
  let cached = 0
  onProgress?.({ done, total: requests.length, cached })
  for await (const answered of model.answer(requests, { signal, onNotice })) {
    signal?.throwIfAborted()
    answers[answered.index] = answered.answer
    done++
    if (answered.cached) cached++
    onProgress?.({ done, total: requests.length, cached })
  }
  return answers.map((answer, i) => {
    if (answer?.kind === requests[i]?.kind) return answer as EvalAnswer
    throw new StemkitError(
      'io',
      `model ${model.id} left request ${i} of ${requests.length} without an answer of its kind`,
    )
  })
}
