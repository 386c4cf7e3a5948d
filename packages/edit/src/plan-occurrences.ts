import { StemkitError } from '@stemkit/spec/errors'
import { parseEdit, strategiesOf, type Edit, type EditInput } from './edit.ts'
import { checkTokens, layersOf, sourceValues, type PlanOptions } from './plan-edit.ts'
import { copiedToken, rowOf, type RowValue } from './row-value.ts'
import { changesText, chooseStrategy, expandTokens } from './strategies.ts'
import { findSpans, spansOf, type Spans } from './token-spans.ts'

export interface OccurrenceOptions extends PlanOptions {
  /** Where the source begins in the prompt. Default: wherever it stands. */
  readonly sourceStart?: number | readonly number[] | undefined
}

/** A position whose row is none of the table's, but made from some. */
export interface MadeRow {
  readonly position: number
  readonly value: RowValue
}

/** Which rows the positions of a prompt read, beside its tokens, which the embedding sees. JSON holds all of it. */
export interface OccurrencePlan {
  /** `text`: the tokens changed as well. */
  readonly kind: 'occurrences' | 'text'
  readonly edit: Edit
  /** STEM layers that change, ascending. */
  readonly layers: readonly number[]
  /** The prompt before [T'], the same as `inputIds` but for a text edit. */
  readonly originalIds: readonly number[]
  /** What the embedding sees [T]. */
  readonly inputIds: readonly number[]
  /** The row that each position reads [T]; at a position of `made`, its token's own. */
  readonly tableIds: readonly number[]
  readonly made: readonly MadeRow[]
}

/**
 * Plans an occurrence edit of one prompt: the same edit that `planEdit` would make of all occurrences, of these positions
 * only, so that one token may have different rows at different places.
 * @throws bad-input for an edit that makes no sense or changes the text, and for a prompt without its source
 */
export function planOccurrences(
  input: EditInput,
  inputIds: readonly number[],
  options: OccurrenceOptions,
): OccurrencePlan {
  const edit = parseEdit(input)
  if (edit.operation === 'reset') {
    throw new StemkitError('bad-input', `edit '${edit.name}': reset undoes row edits; a prompt's positions have none`)
  }
  const layers = layersOf(edit, options)
  const values = new Map<number, RowValue>()
  const place = (start: number, sought: readonly number[], given: () => RowValue[]): void => {
    given().forEach((value, i) => {
      if (values.has(start + i)) throw overlapping(edit, start + i)
      if (copiedToken(value) !== sought[i]) values.set(start + i, value)
    })
  }
  for (const { spans, starts } of occurrences(edit, inputIds, options)) {
    for (const start of starts) place(start, spans.source, () => sourceValues(edit, spans))
    if (edit.operation !== 'swap' || options.sourceStart !== undefined) continue
    const { source, target } = spans
    const back = { source: target, target: source }
    for (const start of findSpans(inputIds, target)) place(start, target, () => sourceValues(edit, back))
  }
  return {
    kind: 'occurrences',
    edit,
    layers,
    originalIds: inputIds,
    inputIds,
    ...lookups(inputIds, values, options, layers),
  }
}

/**
 * Plans a text edit of one prompt: its source is lengthened to as many tokens as the target has, and then reads the
 * target's rows one to one.
 * @throws bad-input for an edit whose strategy is not one of `expand_*`, and for a prompt without its source
 */
export function expandText(input: EditInput, inputIds: readonly number[], options: OccurrenceOptions): OccurrencePlan {
  const edit = parseEdit(input)
  const layers = layersOf(edit, options)
  const strategies = strategiesOf(edit).filter(changesText)
  if (edit.operation !== 'overwrite' || strategies.length === 0) {
    throw new StemkitError('bad-input', `edit '${edit.name}': a text edit overwrites by one of expand_*`)
  }
  const expanded: number[] = []
  const values = new Map<number, RowValue>()
  let read = 0
  const found = occurrences(edit, inputIds, options)
    .flatMap(({ spans, starts }) => starts.map((start) => ({ spans, start })))
    .toSorted((a, b) => a.start - b.start)
  for (const { spans, start } of found) {
    const { source, target } = spans
    if (start < read) throw overlapping(edit, start)
    const names = { name: edit.name, sources: source.length, targets: target.length }
    const strategy = chooseStrategy(strategies, names)
    expanded.push(...inputIds.slice(read, start))
    target.forEach((token, i) => values.set(expanded.length + i, rowOf(token)))
    expanded.push(...(changesText(strategy) ? expandTokens(strategy, { ...edit, source, target }) : source))
    read = start + source.length
  }
  expanded.push(...inputIds.slice(read))
  return {
    kind: 'text',
    edit,
    layers,
    originalIds: inputIds,
    inputIds: expanded,
    ...lookups(expanded, values, options, layers),
  }
}

/** Where the source stands, by the ways in which it may. */
function occurrences(
  edit: Edit,
  inputIds: readonly number[],
  options: OccurrenceOptions,
): { readonly spans: Spans; readonly starts: readonly number[] }[] {
  const { sourceStart } = options
  const asked = sourceStart === undefined ? undefined : [sourceStart].flat()
  const found = spansOf(edit, options.tokenizer).map((spans) => {
    checkTokens(edit, spans, options)
    const isAt = (start: number): boolean => spans.source.every((token, i) => inputIds[start + i] === token)
    return { spans, starts: asked ? asked.filter(isAt) : findSpans(inputIds, spans.source) }
  })
  const without = asked?.find((start) => !found.some(({ starts }) => starts.includes(start)))
  if (without === undefined && found.some(({ starts }) => starts.length > 0)) {
    // What is found with and without a space before it may be the same tokens.
    return found.filter(
      ({ spans }, i) => found.findIndex((other) => `${other.spans.source}` === `${spans.source}`) === i,
    )
  }
  const what = typeof edit.source === 'string' ? JSON.stringify(edit.source) : `tokens ${edit.source.join(' ')}`
  const where = without === undefined ? 'nowhere in this prompt' : `not at ${without} of this prompt`
  throw new StemkitError('bad-input', `edit '${edit.name}': ${what} is ${where}`)
}

/** A row of the table where a position reads one as it is, else a recipe. */
function lookups(
  inputIds: readonly number[],
  values: ReadonlyMap<number, RowValue>,
  { table: { layout } }: PlanOptions,
  layers: readonly number[],
): Pick<OccurrencePlan, 'tableIds' | 'made'> {
  const tableIds = [...inputIds]
  const made: MadeRow[] = []
  for (const [position, value] of [...values].toSorted(([a], [b]) => a - b)) {
    const token = layers.length === layout.layers ? copiedToken(value) : undefined
    if (token === undefined) made.push({ position, value })
    else tableIds[position] = token
  }
  return { tableIds, made }
}

const overlapping = (edit: Edit, position: number): StemkitError =>
  new StemkitError('bad-input', `edit '${edit.name}': two of its texts overlap at ${position}; say where it begins`)
