import type { EvalAnswer } from '../ask/requests.ts'
import { applyFilter } from '../filters/apply-filters.ts'
import { targetOf } from '../prompts/document-fields.ts'
import { scoreDocument } from '../scores/score-document.ts'
import type { FilteredAnswer, MetricValue } from '../tasks/processors.ts'
import type { Row } from '../tasks/rows.ts'
import { naming } from './naming.ts'
import type { TaskPlan } from './plan-task.ts'

/** One document under one filter: what was asked, answered and scored. */
export interface Sample {
  readonly docId: number
  readonly row: Row
  readonly filter: string
  readonly target: unknown
  /** One list per request. */
  readonly arguments: readonly (readonly unknown[])[]
  /** Per request, one answer for each repeat: `[log-probability, greedy]`, a log-probability, or text. */
  readonly responses: readonly (readonly unknown[])[]
  readonly filteredResponses: readonly FilteredAnswer[]
  readonly metrics: Readonly<Record<string, MetricValue>>
}

/** The answers to one document's requests: per request, one for each repeat. */
export type DocumentAnswers = readonly (readonly EvalAnswer[])[]

/** Scores every document of a plan under every filter, filters one after the other. */
export function scoreTask({ task, context, documents }: TaskPlan, answers: readonly DocumentAnswers[]): Sample[] {
  return task.filters.flatMap((filter) =>
    documents.map((document, i) =>
      naming(task, document.docId, () => {
        const { docId, row, requests } = document
        const responses = (answers[i] ?? []).map((repeats) => repeats.map(rawResponse))
        const filteredResponses = responses.map((repeats) => applyFilter(filter, repeats, row, context.processors))
        return {
          docId,
          row,
          filter: filter.name,
          target: targetOf(task.target, row, context),
          arguments: requests.map((request) => request.arguments),
          responses,
          filteredResponses,
          metrics: scoreDocument(task, row, filteredResponses, context),
        }
      }),
    ),
  )
}

function rawResponse(answer: EvalAnswer): unknown {
  if (answer.kind === 'loglikelihood') return [answer.logprob, answer.greedy]
  return answer.kind === 'loglikelihood_rolling' ? answer.logprob : answer.text
}
