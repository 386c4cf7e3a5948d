import { lineChart, type LineChartOptions } from './chart.ts'
import { escapeHtml } from './escape.ts'
import { style } from './style.ts'

export interface Fact {
  readonly label: string
  readonly value: string
  readonly note?: string
}

/** A part of a report, under a heading of its own. */
export type Section =
  | { readonly kind: 'chart'; readonly heading: string; readonly chart: LineChartOptions }
  | {
      readonly kind: 'table'
      readonly heading: string
      readonly columns: readonly string[]
      readonly rows: readonly (readonly string[])[]
    }
  | {
      readonly kind: 'texts'
      readonly heading: string
      readonly texts: readonly { readonly label: string; readonly text: string }[]
    }
  | { readonly kind: 'code'; readonly heading: string; readonly code: string }

export interface Report {
  readonly title: string
  /** One or two sentences: what was done and what came out. */
  readonly summary: string
  /** The few numbers that matter. */
  readonly facts: readonly Fact[]
  readonly sections: readonly Section[]
}

/**
 * A report as one HTML file: no script, nothing fetched, readable on light and dark screens, on a phone and in print.
 * Everything given is text and is escaped.
 */
export function renderReport({ title, summary, facts, sections }: Report): string {
  const cards = facts.map(
    ({ label, value, note }) =>
      `<div><dt>${escapeHtml(label)}</dt><dd>${escapeHtml(value)}${note ? `<small>${escapeHtml(note)}</small>` : ''}</dd></div>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p class="summary">${escapeHtml(summary)}</p>
<dl class="facts">${cards.join('')}</dl>
${sections.map(renderSection).join('\n')}
</main>
</body>
</html>
`
}

function renderSection(section: Section): string {
  return `<section><h2>${escapeHtml(section.heading)}</h2>${contentOf(section)}</section>`
}

function contentOf(section: Section): string {
  switch (section.kind) {
    case 'chart':
      return lineChart(section.chart)
    case 'table':
      return table(section.columns, section.rows)
    case 'texts':
      return section.texts
        .map(({ label, text }) => `<h3>${escapeHtml(label)}</h3><blockquote>${escapeHtml(text)}</blockquote>`)
        .join('')
    case 'code':
      return `<pre><code>${escapeHtml(section.code)}</code></pre>`
  }
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')
  const body = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td>${escapeHtml(cell)}</td>`,
    )
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}
