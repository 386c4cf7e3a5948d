import { StemkitError } from '@stemkit/spec/errors'
import { parse } from 'csv-parse/sync'
import type { Row } from '../tasks/rows.ts'
import { rowsOfParquet } from './rows-of-parquet.ts'

/** Endings of files that hold rows, the likeliest first. */
export const ROW_FILES = ['jsonl', 'parquet', 'json', 'csv', 'tsv'] as const

/**
 * The rows of a file, by the ending of its name: JSONL, Parquet, JSON (a list of rows, or one list in an object), CSV or TSV
 * with a header.
 * @throws corrupt for content that is not what the name says, with the line; unsupported for another ending
 */
export async function rowsOfFile(name: string, bytes: Uint8Array): Promise<readonly Row[]> {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  if (ending === 'parquet') return rowsOfParquet(name, bytes)
  const text = new TextDecoder('utf-8').decode(bytes)
  if (ending === 'jsonl') return rowsOfLines(name, text)
  if (ending === 'json') return rowsOfJson(name, text)
  if (ending === 'csv') return rowsOfTable(name, text, ',')
  if (ending === 'tsv') return rowsOfTable(name, text, '\t')
  throw new StemkitError('unsupported', `${name}: rows are read from files that end in ${ROW_FILES.join(', ')}`)
}

/** One object a line; empty lines are passed over. */
function rowsOfLines(name: string, text: string): Row[] {
  const rows: Row[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    rows.push(asRow(parseJson(line, `${name}, line ${i + 1}`), `${name}, line ${i + 1}`))
  }
  return rows
}

export function rowsOfJson(name: string, text: string): Row[] {
  const value = parseJson(text, name)
  const inside = typeof value === 'object' && value !== null ? Object.values(value).filter(Array.isArray) : []
  const list: unknown = Array.isArray(value) ? value : inside.length === 1 ? inside[0] : undefined
  if (!Array.isArray(list))
    throw new StemkitError('corrupt', `${name} holds no list of rows, nor one object with one list`)
  return list.map((row, i) => asRow(row, `${name}, row ${i}`))
}

/** Cells are text; the first line names them. */
function rowsOfTable(name: string, text: string, delimiter: ',' | '\t'): Row[] {
  try {
    return parse(text, { columns: true, bom: true, delimiter, skip_empty_lines: true })
  } catch (cause) {
    throw new StemkitError('corrupt', `${name}: ${(cause as Error).message}`, { cause })
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new StemkitError('corrupt', `${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
}

function asRow(value: unknown, where: string): Row {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row
  throw new StemkitError('corrupt', `${where} is no object`)
}
