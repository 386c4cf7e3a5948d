import { scoreOf, type MetricSummary, type SkippedCase, type Summary } from '@stemkit/edit'
import type { Report, Section } from '@stemkit/report'
import type { TableText } from '../../terminal/table.ts'
import type { EvalFindings } from './eval.ts'

/** A mean and half of its 95% interval, which need not lie in the middle: the ends in brackets. */
const withInterval = ({ mean, low, high }: Summary): string => `${short(mean)} [${short(low)}, ${short(high)}]`
const short = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(3).replace(/^-0\.000$/, '0.000'))

const rounded = (value: number): number => Math.round(1000 * value) / 1000

const COLUMNS = ['measure', 'protocol', 'cases', 'before', 'after', 'change', 'standard error']

const rowOf = ({ name, protocol, before, after, change }: MetricSummary): string[] => [
  name,
  protocol,
  `${after.n}`,
  withInterval(before),
  withInterval(after),
  short(change.mean),
  short(change.standardError),
]

function scoreRows({ metrics }: EvalFindings): string[][] {
  const score = scoreOf(metrics)
  if (!score) return []
  const { before, after } = score
  return [['score', 'teacher-forced', '', short(before), short(after), short(after - before), '']]
}

/** Why cases were left out: how many for each reason, and the first of them. */
const skippedBy = (skipped: readonly SkippedCase[]): { readonly first: SkippedCase; readonly count: number }[] =>
  [...Map.groupBy(skipped, ({ reason }) => reason).values()].map((cases) => ({ first: cases[0]!, count: cases.length }))

export function evalTables(findings: EvalFindings): TableText[] {
  const { cases, measured, skipped, metrics, sequence, sequenceFailure } = findings
  const injected = measured.filter(({ made }) => made === 'inject').length
  return [
    { head: COLUMNS, rows: [...metrics.map(rowOf), ...scoreRows(findings)] },
    {
      head: ['cases', 'number'],
      rows: [
        ['asked for', `${cases}`],
        ['measured by rows', `${measured.length - injected}`],
        ['measured by injection', `${injected}`],
        ...skippedBy(skipped).map(({ first: { reason }, count }) => [`left out: ${reason}`, `${count}`]),
      ],
    },
    ...(skipped.length > 0
      ? [
          {
            head: ['left out, the first of each reason', 'case'],
            rows: skippedBy(skipped).map(({ first: { message, id } }) => [message, id]),
          },
        ]
      : []),
    ...(sequence
      ? [
          {
            head: ['edits in sequence', 'perplexity'],
            rows: sequence.map(({ edits, perplexity }) => [`${edits}`, perplexity.toFixed(4)]),
          },
        ]
      : []),
    ...(sequenceFailure === undefined ? [] : [{ head: ['the sequence failed'], rows: [[sequenceFailure]] }]),
  ]
}

export function evalReport(findings: EvalFindings): Report {
  const { model, file, format, cases, measured, metrics, sequence, by, seed } = findings
  const shares = metrics.filter(({ kind }) => kind === 'share')
  const score = scoreOf(metrics)
  const fact = (label: string, name: MetricSummary['name']) => {
    const found = metrics.find((metric) => metric.name === name)
    return found ? [{ label, value: short(found.after.mean), note: `${short(found.before.mean)} before` }] : []
  }
  const tables = evalTables(findings).map(({ head, rows }): Section => ({
    kind: 'table',
    heading: HEADINGS[head[0]!] ?? head[0]!,
    columns: head,
    rows,
  }))
  return {
    title: 'What edits do',
    summary: `${model}: ${measured.length} of ${cases} cases of ${file} (${format}), ${METHOD[by]}, each alone and beside the untouched model. Seed ${seed}.`,
    facts: [
      ...(score ? [{ label: 'score', value: short(score.after), note: `${short(score.before)} before` }] : []),
      ...fact('efficacy', 'efficacy.success'),
      ...fact('paraphrases', 'paraphrase.success'),
      ...fact('neighbours', 'neighbourhood.success'),
    ],
    sections: [
      {
        kind: 'chart',
        heading: 'Before and after',
        chart: {
          type: 'bar',
          title: 'Means over cases of all measures that are shares.',
          horizontal: true,
          x: { label: 'measure', values: shares.map(({ name }) => name) },
          y: { label: 'share', min: 0, max: 1 },
          series: [
            { name: 'before', values: shares.map(({ before }) => rounded(before.mean)), colour: 1 },
            { name: 'after', values: shares.map((metric) => rounded(metric.after.mean)), colour: 0 },
          ],
        },
      },
      ...(sequence && sequence.length > 1
        ? [
            {
              kind: 'chart' as const,
              heading: 'Many edits',
              chart: {
                title: 'Perplexity of held-out text after edits, one over the other.',
                x: { label: 'edits' },
                y: { label: 'perplexity' },
                series: [
                  {
                    name: 'perplexity',
                    style: 'points' as const,
                    points: sequence.map(({ edits, perplexity }): [number, number] => [edits, perplexity]),
                  },
                ],
              },
            },
          ]
        : []),
      ...tables,
      { kind: 'text', heading: 'How it is measured', text: explanation(metrics) },
    ],
  }
}

/** Of the tables, by what their first column says. */
const HEADINGS: Readonly<Record<string, string>> = {
  measure: 'Numbers',
  cases: 'Cases',
  'left out, the first of each reason': 'Left out',
  'edits in sequence': 'In sequence',
}

const METHOD = {
  rows: 'the subject gets rows of somebody of whom the new answer is true',
  inject: "the subject's rows are fitted to the new answer",
  either: 'the subject gets rows of somebody of whom the new answer is true, or fitted ones where that cannot be',
}

const explanation = (metrics: readonly MetricSummary[]): string =>
  [
    'Teacher-forced: an answer is put behind the prompt, and the model says how probable each of its tokens is behind those before it. Generated: the model writes by itself. Probabilities of answers are per token, exp of the mean of ln p.',
    ...metrics.map(({ name, protocol, meaning }) => `${name} (${protocol}): ${meaning}.`),
    'Intervals are of 95%: of shares by Wilson, else 1.96 standard errors. The change is taken case by case. The score is the harmonic mean of the successes of efficacy, paraphrases and neighbourhood.',
  ].join('\n\n')
