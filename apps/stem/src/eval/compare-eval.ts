import { compareRuns, type ComparedMetric } from '@stemkit/eval'
import type { Report } from '@stemkit/report'
import { show } from '../inspect/show.ts'
import type { TableText } from '../terminal/table.ts'
import { readRun } from './read-run.ts'
import type { CompareFlags } from './verbs.ts'

/** Prints how the second run differs from the first. */
export async function compareFolders(first: string, second: string, flags: CompareFlags): Promise<void> {
  const { rounds, seed, confidence = 0.95, html, json } = flags
  const [one, two] = [await readRun(first), await readRun(second)]
  const { metrics, unmatched } = compareRuns(one, two, {
    confidence,
    ...(rounds !== undefined && { rounds }),
    ...(seed !== undefined && { seed }),
  })
  const data = { first, second, confidence, metrics, unmatched }
  const table = tableOf(metrics, confidence)
  await show(
    { data, tables: [table], report: () => reportOf(data, table) },
    { ...(html !== undefined && { html }), ...(json && { json }) },
  )
  if (!json && unmatched.length > 0) process.stdout.write(`\nonly in one of them: ${unmatched.join(', ')}\n`)
}

const tableOf = (metrics: readonly ComparedMetric[], confidence: number): TableText => ({
  head: [
    'task',
    'metric',
    'n',
    'first',
    'second',
    'difference',
    `${100 * confidence}% interval`,
    'better',
    'worse',
    'p',
  ],
  rows: metrics.map(({ task, metric, filter, count, means, difference, interval, better, worse, pValue }) => [
    task,
    metricName(metric, filter),
    String(count),
    ...means.map((mean) => fixed(mean).replace('-', '\u2212')),
    signed(difference),
    `${signed(interval[0])} to ${signed(interval[1])}`,
    String(better),
    String(worse),
    pValue < 0.001 ? '<0.001' : pValue.toFixed(3),
  ]),
})

/** What is recorded for a perplexity is the log-likelihood of the answer. */
function metricName(metric: string, filter: string): string {
  const name = metric === 'perplexity' ? 'log-likelihood' : metric
  return filter === 'none' ? name : `${name} (${filter})`
}

function reportOf(
  data: {
    readonly first: string
    readonly second: string
    readonly metrics: readonly ComparedMetric[]
    readonly confidence: number
  },
  { head, rows }: TableText,
): Report {
  const { first, second, metrics, confidence } = data
  const shares = metrics.filter(({ means }) => means.every((mean) => mean >= 0 && mean <= 1))
  const decided = metrics.filter(({ interval: [low, high] }) => low > 0 || high < 0)
  return {
    title: 'Two runs compared',
    summary: `${second} against ${first}, document by document. ${decided.length} of ${metrics.length} differences have an interval without 0.`,
    sections: [
      ...(shares.length > 0
        ? [
            {
              kind: 'chart' as const,
              heading: 'Scores',
              chart: {
                type: 'bar' as const,
                horizontal: true,
                title: 'Means over the documents that both runs have.',
                x: { label: 'task', values: shares.map(({ task, metric }) => `${task} (${metric})`) },
                y: { label: 'score', min: 0, max: 1 },
                series: [
                  { name: first, values: shares.map(({ means }) => means[0]), colour: 1 },
                  { name: second, values: shares.map(({ means }) => means[1]), colour: 0 },
                ],
              },
            },
          ]
        : []),
      // Intervals stay in one piece.
      {
        kind: 'table',
        heading: 'Differences',
        columns: head,
        rows: rows.map((row) => row.map((cell) => cell.replaceAll(' to ', '\u00a0to\u00a0'))),
      },
      {
        kind: 'text',
        heading: 'How it is computed',
        text: `A difference is the second run's score less the first's, the mean over documents. The interval of ${100 * confidence}% is of the paired bootstrap: documents are drawn with replacement, both scores of a document together. "Better" and "worse" count documents; p is of the two-sided sign test over them: how likely so uneven a split is if both runs are as good. With many tasks, some intervals leave out 0 by chance.`,
      },
    ],
  }
}

const fixed = (value: number): string => (Math.abs(value) < 1000 ? value.toFixed(4) : value.toPrecision(6))
const signed = (value: number): string =>
  `${value > 0 ? '+' : ''}${fixed(value)}`.replace(/^-(?=0\.0000$)/, '').replace('-', '\u2212')
