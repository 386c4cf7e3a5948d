import type { Chart } from './charts/chart.ts'
import { figure } from './charts/figure.ts'
import { html, raw, type Html } from './html.ts'
import { style } from './style.ts'

export interface Fact {
  readonly label: string
  readonly value: string
  readonly note?: string
}

/** A part of a report, under a heading of its own. */
export type Section = { readonly heading: string } & (
  | { readonly kind: 'chart'; readonly chart: Chart }
  | Table
  | { readonly kind: 'texts'; readonly texts: readonly LabelledText[] }
  | { readonly kind: 'entries'; readonly note?: string; readonly entries: readonly Entry[] }
  /** Paragraphs, with an empty line between them. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly code: string }
)

interface Table extends Cells {
  readonly kind: 'table'
}

interface Cells {
  readonly columns: readonly string[]
  /** The first cell of a row names it. Columns whose cells are all numbers are aligned as such. */
  readonly rows: readonly (readonly string[])[]
}

/** One of many, such as a sample of a test: a line that opens to show the rest. */
export interface Entry {
  readonly title: string
  /** A word or two in front of the title; `good` and `bad` have colours of their own. */
  readonly mark?: { readonly text: string; readonly tone?: 'good' | 'bad' }
  readonly table?: Cells
  readonly texts?: readonly LabelledText[]
}

/** Text by a model, or whatever else is quoted. */
export interface LabelledText {
  readonly label: string
  /** What the model was given: set apart, in front of the text. */
  readonly prompt?: string
  readonly text: string
}

export interface Report {
  readonly title: string
  /** One or two sentences: what was done and what came out. */
  readonly summary?: string
  /** The few numbers that matter. */
  readonly facts?: readonly Fact[]
  readonly sections: readonly Section[]
  /** Of the texts: a BCP 47 tag. Default `en`. */
  readonly language?: string
}

/** Scripts and requests are forbidden to the page itself, whatever it holds. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'"

/**
 * A report as one HTML file: no script, nothing fetched, readable on light and dark screens, on a phone and in print.
 * Everything given is text and is escaped. The same report always gives the same bytes.
 */
export function renderReport({ title, summary, facts = [], sections, language = 'en' }: Report): string {
  const page = html`<!doctype html>
    <html lang="${language}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <title>${title}</title>
        <style>
          ${raw(style)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${title}</h1>
            ${summary !== undefined && html`<p class="summary">${summary}</p>`}
            ${facts.length > 0 && html`<dl class="facts">${facts.map(fact)}</dl>`}
          </header>
          ${sections.map((section, index) => sectionOf(section, `section-${index + 1}`))}
        </main>
      </body>
    </html> `
  return page.text
}

const fact = ({ label, value, note }: Fact): Html =>
  html`<div>
    <dt>${label}</dt>
    <dd>${value}${note !== undefined && html`<small>${note}</small>`}</dd>
  </div>`

const sectionOf = (section: Section, id: string): Html =>
  html`<section class="${section.kind}" aria-labelledby="${id}">
    <h2 id="${id}">${section.heading}</h2>
    ${contentOf(section, id)}
  </section> `

function contentOf(section: Section, id: string): Html | readonly Html[] {
  switch (section.kind) {
    case 'chart':
      return figure(section.chart, id)
    case 'table':
      return table(section)
    case 'texts':
      return section.texts.map(quotation)
    case 'entries':
      return html`${section.note !== undefined && html`<p>${section.note}</p>`}${section.entries.map(entry)}`
    case 'text':
      return section.text.split(/\n\s*\n/).map((paragraph) => html`<p>${paragraph}</p>`)
    case 'code':
      return html`<pre tabindex="0"><code>${section.code}</code></pre>`
  }
}

// `dir=auto`: a text in another script must not turn the page around.
const quotation = ({ label, prompt, text }: LabelledText): Html =>
  html`<h3>${label}</h3>
    <blockquote dir="auto">${prompt !== undefined && html`<b>${prompt}</b>`}${text}</blockquote>`

const entry = ({ title, mark, table: cells, texts = [] }: Entry): Html =>
  html`<details>
    <summary>${mark && html`<b class="${mark.tone ?? 'plain'}">${mark.text}</b> `}${title}</summary>
    <div>${texts.map(quotation)}${cells && table(cells)}</div>
  </details> `

/** 1,234.5 or 12 % or 3.1M or −0.2 or a dash for none. */
const NUMERIC = /^[-+−±]?[\d,.\u202f ]*\d(?:[eE×][\d⁰¹²³⁴⁵⁶⁷⁸⁹⁻+-]+)?\s?\S{0,4}$|^[-–—]?$/

function table({ columns, rows }: Cells): Html {
  const numeric = columns.map((_, i) => i > 0 && rows.every((row) => NUMERIC.test(row[i] ?? '')))
  const className = (i: number): Html | undefined => (numeric[i] ? html` class="number"` : undefined)
  const head = columns.map((name, i) => html`<th scope="col" ${className(i)}>${name}</th>`)
  const body = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? html`<th scope="row">${cell}</th>` : html`<td${className(i)}>${cell}</td>`,
    )
    return html`<tr>
      ${cells}
    </tr>`
  })
  // What scrolls has to be reachable by keyboard.
  return html`<div class="scroll" tabindex="0">
    <table>
      <thead>
        <tr>
          ${head}
        </tr>
      </thead>
      <tbody>
        ${body}
      </tbody>
    </table>
  </div>`
}
