import type { PreparedQuestion, Reply } from '../questions.ts'

/** How the model was asked: what it gives to answers that are put before it, or what it writes itself. */
export type Protocol = 'teacher-forced' | 'generated'

export interface Metric {
  readonly protocol: Protocol
  /** A share lies between 0 and 1. */
  readonly kind: 'share' | 'difference' | 'bits'
  readonly meaning: string
}

/**
 * What is measured. `success` and `magnitude` are CounterFact's (Meng et al., 2022: ES and EM, PS and PM, NS and NM),
 * `accuracy` is zsRE's (Mitchell et al., 2022), `unchanged` is the locality of EasyEdit (Wang et al., 2023), fluency and
 * consistency are ROME's GE and RS. Probabilities are per token: exp of the mean of ln p, as ROME compares them.
 */
export const METRICS = {
  'efficacy.success': share('teacher-forced', 'P(new) > P(true)'),
  'efficacy.magnitude': difference('P(new) - P(true)'),
  'efficacy.accuracy': share('teacher-forced', 'tokens of the new answer that are the first choice'),
  'efficacy.generated': share('generated', 'the text begins with the new answer'),
  'paraphrase.success': share('teacher-forced', 'P(new) > P(true) in other words'),
  'paraphrase.magnitude': difference('P(new) - P(true) in other words'),
  'paraphrase.accuracy': share('teacher-forced', 'tokens of the new answer that are the first choice'),
  'paraphrase.generated': share('generated', 'the text begins with the new answer'),
  'neighbourhood.success': share('teacher-forced', 'P(own answer) > P(new) of others'),
  'neighbourhood.magnitude': difference('P(own answer) - P(new) of others'),
  'neighbourhood.accuracy': share('teacher-forced', 'tokens of their own answer that are the first choice'),
  'neighbourhood.unchanged': share('teacher-forced', 'first choices in their own answer that are as before the edit'),
  'portability.accuracy': share('teacher-forced', 'tokens of what follows that are the first choice'),
  'portability.generated': share('generated', 'the text begins with what follows'),
  fluency: { protocol: 'generated', kind: 'bits', meaning: 'entropy of bigrams and trigrams' },
  consistency: share('generated', 'likeness to texts about the new answer'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS

/** Values of one case; undefined where it has nothing to ask. */
export type CaseMetrics = { readonly [K in MetricName]?: number | undefined }

function share(protocol: Protocol, meaning: string): Metric {
  return { protocol, kind: 'share', meaning }
}

function difference(meaning: string): Metric {
  return { protocol: 'teacher-forced', kind: 'difference', meaning }
}

/** What replies say; `before` are those without the edit. Of several questions of a kind the mean. */
export function metricsOf(
  questions: readonly PreparedQuestion[],
  replies: readonly Reply[],
  before: readonly Reply[],
): CaseMetrics {
  const over = (
    about: PreparedQuestion['about'],
    valueOf: (reply: Reply, question: PreparedQuestion, index: number) => number | undefined,
  ): number | undefined => {
    const values = questions.flatMap((question, i) =>
      question.about === about ? (valueOf(replies[i]!, question, i) ?? []) : [],
    )
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
  }
  const success = ({ probability, rival }: Reply): number | undefined =>
    rival === undefined ? undefined : Number(probability > rival)
  const magnitude = ({ probability, rival }: Reply): number | undefined =>
    rival === undefined ? undefined : probability - rival
  const accuracy = ({ choices }: Reply, { answer }: PreparedQuestion): number => same(choices, answer)
  const generated = ({ says }: Reply): number => Number(says)
  return {
    'efficacy.success': over('efficacy', success),
    'efficacy.magnitude': over('efficacy', magnitude),
    'efficacy.accuracy': over('efficacy', accuracy),
    'efficacy.generated': over('efficacy', generated),
    'paraphrase.success': over('paraphrase', success),
    'paraphrase.magnitude': over('paraphrase', magnitude),
    'paraphrase.accuracy': over('paraphrase', accuracy),
    'paraphrase.generated': over('paraphrase', generated),
    'neighbourhood.success': over('neighbourhood', success),
    'neighbourhood.magnitude': over('neighbourhood', magnitude),
    'neighbourhood.accuracy': over('neighbourhood', accuracy),
    'neighbourhood.unchanged': over('neighbourhood', ({ choices }, _, i) => same(choices, before[i]!.choices)),
    'portability.accuracy': over('portability', accuracy),
    'portability.generated': over('portability', generated),
  }
}

/** The share of places where both have the same token. */
const same = (a: readonly number[], b: readonly number[]): number =>
  a.filter((token, i) => token === b[i]).length / a.length
