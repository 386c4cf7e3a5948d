/** A cell as it is written down: a number, or text that may look like one. */
export type Cell = string | number

type Kind = 'text' | 'blank' | 'integer' | 'real' | 'infinite' | 'nan'

interface ReadCell {
  readonly kind: Kind
  readonly text: string
  /** Of numbers. */
  readonly value: number
}

interface Column {
  readonly isNumeric: boolean
  readonly width: number
  readonly cells: readonly string[]
}

const MIN_WIDTH = 3

/**
 * A Markdown table as pytablewriter prints it. It reads texts that look like numbers as numbers: in a column of numbers each has as many
 * decimals as the one that needs most; where a column began with other text, what follows stays as it is written.
 */
export function markdownTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const columns = headers.map((header, i) =>
    formatColumn(
      header,
      rows.map((row) => row[i] ?? ''),
    ),
  )
  const line = (cells: readonly string[]) => `|${cells.join('|')}|\n`
  return [
    line(headers.map((header, i) => centred(header, columns[i]?.width ?? 0))),
    line(columns.map(({ isNumeric, width }) => (isNumeric ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))),
    ...rows.map((_, row) => line(columns.map(({ cells }) => cells[row] ?? ''))),
  ].join('')
}

function formatColumn(header: string, raw: readonly Cell[]): Column {
  const cells = readCells(raw)
  const kinds = new Set(cells.map(({ kind }) => kind))
  const isNumeric = !kinds.has('text') && (kinds.has('integer') || kinds.has('real') || kinds.size > 1)
  const isReal = isNumeric && kinds.has('real')
  const decimals = Math.max(0, ...cells.filter(({ kind }) => kind === 'real').map(({ value }) => decimalsOf(value)))
  const texts = cells.map(({ kind, text, value }) => {
    if (kind === 'text' || kind === 'blank') return text
    return formatNumber(value, kind === 'integer' && !isReal ? 0 : decimals)
  })
  const width = Math.max(MIN_WIDTH, widthOf(header), ...texts.map(widthOf))
  const isRight = (kind: Kind) => isNumeric || kind === 'integer' || kind === 'real'
  // Bars are escaped after the padding, so that such cells stick out.
  const padded = texts.map((text, i) => {
    const space = ' '.repeat(width - widthOf(text))
    return (isRight(cells[i]?.kind ?? 'text') ? space + text : text + space).replaceAll('|', String.raw`\|`)
  })
  return { isNumeric, width, cells: padded }
}

/** What each cell is taken for. A text is not read as a number where most cells above it are other texts. */
function readCells(raw: readonly Cell[]): ReadCell[] {
  const counts = new Map<Kind, number>()
  return raw.map((cell) => {
    const [mostFrequent] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? []
    const isKept = typeof cell === 'string' && cell.trim() !== '' && mostFrequent === 'text'
    const read: ReadCell = isKept ? { kind: 'text', text: cell, value: Number.NaN } : readCell(cell)
    counts.set(read.kind, (counts.get(read.kind) ?? 0) + 1)
    return read
  })
}

const numeral = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/
const notFinite = /^\s*[-+]?(?:nan|inf|infinity)\s*$/i

function readCell(cell: Cell): ReadCell {
  const text = String(cell)
  if (text.trim() === '') return { kind: 'blank', text, value: Number.NaN }
  if (typeof cell === 'string' && !numeral.test(cell) && !notFinite.test(cell))
    return { kind: 'text', text, value: Number.NaN }
  const value = Number(text.replace(/inf(?:inity)?/i, 'Infinity').replace(/nan/i, 'NaN'))
  return { kind: kindOf(value), text, value }
}

function kindOf(value: number): Kind {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return 'infinite'
  return Number.isInteger(value) ? 'integer' : 'real'
}

/** Decimals of the shortest form of a number. */
function decimalsOf(value: number): number {
  const [, fraction = ''] = String(Math.abs(value)).split('.')
  return Number.isFinite(value) ? fraction.length : 0
}

function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return String(value)
  const large = Math.abs(value) >= 1e21
  return large
    ? BigInt(value).toString() + (decimals > 0 ? `.${'0'.repeat(decimals)}` : '')
    : plain(value.toFixed(decimals))
}

/** Zero has no sign. */
const plain = (digits: string) => (/^-0\.?0*$/.test(digits) ? digits.slice(1) : digits)

function centred(text: string, width: number): string {
  const space = width - widthOf(text)
  const left = Math.floor(space / 2)
  return ' '.repeat(left) + text + ' '.repeat(space - left)
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u

/** How many columns a text takes in a terminal. */
const widthOf = (text: string) => [...text].reduce((width, character) => width + (wide.test(character) ? 2 : 1), 0)
