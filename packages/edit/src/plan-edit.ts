import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowLayout } from '@stemkit/store'
import { parseEdit, strategiesOf, type Edit, type EditInput } from './edit.ts'
import { copiedToken, describeValue, isSameValue, rowOf, type RowValue } from './row-value.ts'
import { bridgeRows, chooseStrategy, meanOf } from './strategies.ts'
import { spansOf, type Spans } from './token-spans.ts'

/** What an edit is planned for. */
export interface PlanOptions {
  /** The table, or what there is to know of it. */
  readonly table: { readonly rows: number; readonly layout: Pick<RowLayout, 'layers' | 'width'> }
  /** For edits that name texts. */
  readonly tokenizer?: Tokenizer | undefined
}

/** What a row becomes. */
export interface RowChange {
  readonly token: number
  readonly value: RowValue
}

/** Which rows become which, for every occurrence of their tokens in every text. JSON holds all of it. */
export interface RowEditPlan {
  readonly kind: 'rows'
  readonly edit: Edit
  /** STEM layers that change, ascending. The others stay. */
  readonly layers: readonly number[]
  /** Ascending by token. All are computed from the rows as they are before the edit. */
  readonly rows: readonly RowChange[]
}

/**
 * Plans a row edit. Reads no rows.
 * @throws bad-input for an edit that makes no sense, does not fit the table, or asks for what rows cannot express
 */
export function planEdit(input: EditInput, options: PlanOptions): RowEditPlan {
  const edit = parseEdit(input)
  const layers = layersOf(edit, options)
  const wanted = new Map<number, RowValue>()
  for (const spans of spansOf(edit, options.tokenizer)) {
    checkTokens(edit, spans, options)
    for (const { token, value } of changesFor(edit, spans)) {
      const other = wanted.get(token)
      if (other && !isSameValue(other, value)) throw twoRows(edit, token, [other, value], options.tokenizer)
      wanted.set(token, value)
    }
  }
  const rows = [...wanted]
    .filter(([token, value]) => copiedToken(value) !== token)
    .toSorted(([a], [b]) => a - b)
    .map(([token, value]) => ({ token, value }))
  if (rows.length === 0) throw new StemkitError('bad-input', `edit '${edit.name}': every token keeps its own row`)
  return { kind: 'rows', edit, layers, rows }
}

/** What happens to each token of the source, in order, and with a swap to those of the target. */
function changesFor(edit: Edit, spans: Spans): RowChange[] {
  const there = sourceValues(edit, spans).map((value, i) => ({ token: spans.source[i]!, value }))
  if (edit.operation !== 'swap') return there
  const { source, target } = spans
  const back = sourceValues(edit, { source: target, target: source })
  return [...there, ...back.map((value, i) => ({ token: target[i]!, value }))]
}

/** What the positions of a source get [n_s], the text unchanged. */
export function sourceValues(edit: Edit, { source, target }: Pick<Spans, 'source' | 'target'>): RowValue[] {
  switch (edit.operation) {
    case 'mean':
      return source.map(() => meanOf(target))
    case 'add':
      return source.map((token) => ({ ...rowOf(token), vector: edit.amount }))
    case 'set':
      return source.map((_, given) => ({ terms: [], given }))
    case 'reset':
      return source.map((token) => ({ ...rowOf(token), unedited: true }))
    case 'interpolate':
      return bridged(edit, source, target).map(({ terms }, i) => between(source[i]!, terms, edit.amount))
    case 'swap':
    case 'overwrite':
      return bridged(edit, source, target)
  }
}

function bridged(
  edit: Extract<Edit, { padId?: unknown }>,
  source: readonly number[],
  target: readonly number[],
): RowValue[] {
  const { name, padId } = edit
  const strategy = chooseStrategy(strategiesOf(edit), { name, sources: source.length, targets: target.length })
  return bridgeRows(strategy, { name, source, target, padId })
}

function between(token: number, other: RowValue['terms'], amount: number): RowValue {
  if (other.length === 1 && other[0]!.token === token) return rowOf(token)
  const terms = other.map((term) => ({ token: term.token, weight: term.weight * amount }))
  return { terms: [{ token, weight: 1 - amount }, ...terms] }
}

/**
 * The STEM layers that an edit changes, ascending.
 * @throws bad-input for those that the table does not have, and for a vector that does not fit them
 */
export function layersOf(edit: Edit, { table: { layout } }: PlanOptions): number[] {
  const all = Array.from({ length: layout.layers }, (_, layer) => layer)
  const layers = edit.layers === 'all' ? all : [...new Set(edit.layers)].toSorted((a, b) => a - b)
  const refuse = (problem: string): StemkitError => new StemkitError('bad-input', `edit '${edit.name}': ${problem}`)
  if (layers.at(-1)! >= layout.layers) {
    throw refuse(`layer ${layers.at(-1)} is not one of the ${layout.layers} STEM layers, which count from 0`)
  }
  if (edit.operation !== 'add' && edit.operation !== 'set') return layers
  if (edit.layers !== 'all' && `${layers}` !== `${edit.layers}`) {
    throw refuse('with a vector or values, list the layers in ascending order, each once')
  }
  for (const parts of edit.operation === 'add' ? [edit.vector] : edit.values) {
    const wrong = parts.find((part) => part.length !== layout.width)
    if (parts.length === layers.length && !wrong) continue
    const [is, length] = [edit.operation === 'add' ? 'its vector is' : 'its values are', (wrong ?? parts[0]!).length]
    throw refuse(`${is} ${parts.length} x ${length}, but ${layers.length} layers of ${layout.width} are to be changed`)
  }
  if (edit.operation === 'set' && edit.values.length !== edit.source.length) {
    throw refuse(`it has values for ${edit.values.length} tokens, but names ${edit.source.length}`)
  }
  return layers
}

/** @throws bad-input for a token that the table has no row for */
export function checkTokens(edit: Edit, { source, target }: Spans, { table: { rows } }: PlanOptions): void {
  const pad = 'padId' in edit && edit.padId !== undefined ? [edit.padId] : []
  const stray = [...source, ...target, ...pad].find((token) => token >= rows)
  if (stray === undefined) return
  throw new StemkitError('bad-input', `edit '${edit.name}': token ${stray} is not one of the ${rows} that have rows`)
}

function twoRows(edit: Edit, token: number, values: readonly RowValue[], tokenizer?: Tokenizer): StemkitError {
  const nameOf = (id: number): string => {
    const text = tokenizer?.idToToken(id)
    return text === undefined ? `${id}` : `${id} (${JSON.stringify(text)})`
  }
  const [one, other] = values.map((value) => describeValue(value, nameOf))
  return new StemkitError(
    'bad-input',
    `edit '${edit.name}': token ${nameOf(token)} would need two rows, ${one} and ${other}, but has one wherever it stands; make it an occurrence edit, or edit other tokens`,
  )
}
