import type { Chart, Report } from '../index.ts'

/** One chart of every kind, all of whose words are `text`. */
function chartsSaying(text: string): Chart[] {
  const axis = { label: text, unit: text }
  const names = { label: text, values: [text, `${text}2`] }
  const points = [
    [1, 3],
    [2, 2],
    [4, 1],
  ] as const
  const values = [1, 2]
  const pair = <T extends object>(rest: T): (T & { name: string })[] => [
    { name: text, ...rest },
    { name: `${text}2`, ...rest },
  ]
  return [
    { title: text, x: axis, y: { ...axis, scale: 'log' }, series: pair({ points }) },
    { type: 'scatter', title: text, x: axis, y: axis, series: pair({ points, labels: [text, text, text] }) },
    { type: 'bar', title: text, x: names, y: axis, series: pair({ values }) },
    { type: 'bar', horizontal: true, title: text, x: names, y: axis, series: pair({ values }) },
    { type: 'histogram', title: text, x: axis, series: pair({ values }) },
    { type: 'heatmap', title: text, x: names, y: names, values: [values, values], value: axis },
  ]
}

/** A report with a section of every kind, all of whose words are `text`. */
export const reportSaying = (text: string): Report => ({
  title: text,
  summary: text,
  facts: [{ label: text, value: text, note: text }],
  sections: [
    ...chartsSaying(text).map((chart) => ({ kind: 'chart' as const, heading: text, chart })),
    { kind: 'table', heading: text, columns: [text, text], rows: [[text, text]] },
    { kind: 'texts', heading: text, texts: [{ label: text, prompt: text, text }] },
    {
      kind: 'entries',
      heading: text,
      note: text,
      entries: [
        {
          title: text,
          mark: { text, tone: 'good' },
          table: { columns: [text], rows: [[text]] },
          texts: [{ label: text, text }],
        },
      ],
    },
    { kind: 'text', heading: text, text: `${text}\n\n${text}` },
    { kind: 'code', heading: text, code: text },
  ],
})
