import type { EvalResults } from './results.ts'
import type { ResultEntry } from './task-result.ts'
import { markdownTable, type Cell } from './markdown-table.ts'

const notMetrics = new Set(['alias', 'name', 'sample_len', 'sample_count'])

/** The table that lm-evaluation-harness prints: of all results, or of the groups alone. Ends with a newline. */
export function resultTable(results: EvalResults, of: 'results' | 'groups' = 'results'): string {
  const entries = results[of] ?? {}
  const rows = inOrder(results, entries).flatMap(({ name, depth }) =>
    rowsOf(results, name, depth, entries[name] as ResultEntry),
  )
  const headers = [
    of === 'groups' ? 'Groups' : 'Tasks',
    'Version',
    'Filter',
    'n-shot',
    'Metric',
    '',
    'Value',
    '',
    'Stderr',
  ]
  return markdownTable(headers, rows)
}

/** Groups by name, their children below them; then what is in no group. */
function inOrder({ group_subtasks: children }: EvalResults, entries: Readonly<Record<string, ResultEntry>>) {
  const ordered: { name: string; depth: number }[] = []
  const seen = new Set<string>()
  const visit = (name: string, depth: number) => {
    seen.add(name)
    if (name in entries) ordered.push({ name, depth })
    for (const child of (children[name] ?? []).toSorted(byCodePoints)) visit(child, depth + 1)
  }
  const below = new Set(Object.values(children).flat())
  for (const name of Object.keys(children).toSorted(byCodePoints)) if (!below.has(name)) visit(name, 0)
  for (const name of Object.keys(entries).toSorted(byCodePoints)) if (!seen.has(name)) ordered.push({ name, depth: 0 })
  return ordered
}

function rowsOf(results: EvalResults, name: string, depth: number, entry: ResultEntry): Cell[][] {
  const directions = results.higher_is_better[name] ?? {}
  const rows: Cell[][] = []
  const title = depth > 0 ? `${' '.repeat(depth)}- ${entry.alias}` : entry.alias
  for (const key of Object.keys(entry).toSorted(byCodePoints)) {
    const comma = key.indexOf(',')
    const [metric, filter] = [key.slice(0, comma), key.slice(comma + 1)]
    if (notMetrics.has(key) || metric.endsWith('_stderr')) continue
    const isFirst = rows.length === 0
    rows.push([
      isFirst ? title : '',
      isFirst ? (results.versions[name] ?? '    N/A') : '',
      filter,
      String(results['n-shot'][name] ?? ' '),
      metric,
      arrow(directions[metric]),
      fixed(entry[key]),
      ...errorCells(entry[`${metric}_stderr,${filter}`]),
    ])
  }
  return rows
}

const arrow = (higherIsBetter: boolean | null | undefined) => {
  if (higherIsBetter === true) return '↑'
  return higherIsBetter === false ? '↓' : ''
}

const errorCells = (error: unknown): Cell[] => {
  if (error === undefined) return ['', '']
  return ['±', error === 'N/A' ? '   N/A' : fixed(error)]
}

/** Four decimals, as Python's `f"{value:.4f}"`: of two that are equally near, the even one. */
function fixed(value: unknown): string {
  if (typeof value !== 'number') return String(value)
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.0000`
  // A double lies in the middle of two only if it is an odd multiple of 1/32.
  if (Math.abs(value * 32) % 2 !== 1) return value.toFixed(4)
  const below = Math.floor(value * 1e4)
  return ((below % 2 === 0 ? below : below + 1) / 1e4).toFixed(4)
}

const byCodePoints = (a: string, b: string) => (a < b ? -1 : Number(a > b))
