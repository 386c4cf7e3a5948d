import { METRICS, type CaseMetrics, type MetricName, type Protocol } from './metrics.ts'
import { harmonicMean, summarize, summarizeShares, type Summary } from './summary.ts'

/** One measure over all cases that have it. */
export interface MetricSummary {
  readonly name: MetricName
  readonly protocol: Protocol
  readonly kind: 'share' | 'difference' | 'bits'
  readonly meaning: string
  readonly before: Summary
  readonly after: Summary
  /** After less before, case by case. */
  readonly change: Summary
}

interface Compared {
  readonly before: CaseMetrics
  readonly after: CaseMetrics
}

/** Means over cases, in which every case weighs the same; measures that no case has are left out. */
export function summarizeCases(cases: readonly Compared[]): MetricSummary[] {
  const names = Object.keys(METRICS) as MetricName[]
  return names.flatMap((name): MetricSummary[] => {
    const pairs = cases.flatMap(({ before, after }) =>
      before[name] === undefined || after[name] === undefined ? [] : [[before[name], after[name]] as const],
    )
    if (pairs.length === 0) return []
    const { protocol, kind, meaning } = METRICS[name]
    const over = kind === 'share' ? summarizeShares : summarize
    return [
      {
        name,
        protocol,
        kind,
        meaning,
        before: over(pairs.map(([before]) => before)),
        after: over(pairs.map(([, after]) => after)),
        change: summarize(pairs.map(([before, after]) => after - before)),
      },
    ]
  })
}

/** ROME's score S: the harmonic mean of the means of efficacy, paraphrase and neighbourhood success; undefined without one. */
export function scoreOf(
  summaries: readonly MetricSummary[],
): { readonly before: number; readonly after: number } | undefined {
  const parts = (['efficacy', 'paraphrase', 'neighbourhood'] as const).map((about) =>
    summaries.find(({ name }) => name === `${about}.success`),
  )
  if (parts.some((part) => part === undefined)) return undefined
  const of = (side: 'before' | 'after'): number => harmonicMean(parts.map((part) => part![side].mean))
  return { before: of('before'), after: of('after') }
}
