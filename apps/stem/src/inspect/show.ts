import type { Report } from '@stemkit/report'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { writeFileAtomically } from '@stemkit/weights/node'
import { coloursFor } from '../terminal/colours.ts'
import { alignColumns, type TableText } from '../terminal/table.ts'
import type { Common } from './options.ts'

/** What a verb found: data, and how it reads on a terminal and on a page. */
export interface Findings {
  readonly data: object
  readonly tables: readonly TableText[]
  report(): Report
}

/** Prints findings as asked, and writes the page if it is asked for. */
export async function show({ data, tables, report }: Findings, { json, html }: Common): Promise<void> {
  if (html !== undefined) {
    // Loaded when it is needed: charts take longer to load than all the rest.
    const { renderReport } = await import('@stemkit/report')
    await writeFileAtomically(html, renderReport(report()))
  }
  if (json) return void process.stdout.write(`${JSON.stringify(data)}\n`)
  const colour = coloursFor(process.stdout)
  const blocks = tables.map((table) => `${alignColumns(table, colour.bold).join('\n')}\n`)
  process.stdout.write(blocks.join('\n'))
  if (html !== undefined) process.stdout.write(`\nreport: ${html}\n`)
}

/** A token as it reads, spaces and all: "·the" for " the". */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  const text = tokenizer.decode([id], { skipSpecial: false })
  // Half a character, say, which reads as nothing.
  const readable = text.includes('\ufffd') ? (tokenizer.idToToken(id) ?? `#${id}`) : text
  return readable.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll(' ', '\u00b7')
}

/** Three decimals, and no minus before what rounds to 0. */
export const cos = (value: number): string =>
  value
    .toFixed(3)
    .replace(/^-(?=0\.000$)/, '')
    .replace('-', '\u2212')
