import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import { encodeRows, type RowLayout } from '@stemkit/store'
import type { Edit } from '../edit.ts'
import { copiedToken, type RowValue } from '../row-value.ts'
import { stackOver } from '../stored/list-edits.ts'
import { stackedRows, valuesOf, type EditedTable } from './stacked-rows.ts'

/** A row to be made: `value` in some layers, in the others the row of `token`. */
export interface Recipe {
  readonly token: number
  readonly value: RowValue
}

export interface MakeRowsOptions extends RowOptions {
  readonly edit: Edit
  /** STEM layers that get the value. */
  readonly layers: readonly number[]
  /** Overlays through which rows are read, the last on top. */
  readonly stack: readonly string[]
}

/**
 * Rows made by recipes, one after the other, in the layout of the table. A row that is wholly another one is its bytes;
 * an optimiser's state is that of the row's own token.
 * @throws bad-input for numbers that rows cannot hold
 */
export async function makeRows(
  edited: EditedTable,
  recipes: readonly Recipe[],
  { edit, layers, stack, ...options }: MakeRowsOptions,
): Promise<Uint8Array> {
  const { table } = edited
  const { layout, rowBytes } = table
  const unique = (tokens: number[]): number[] => [...new Set(tokens)].toSorted((a, b) => a - b)
  const termsOf = (isUnedited: boolean): number[] =>
    recipes.flatMap(({ value }) =>
      (value.unedited ?? false) === isUnedited ? value.terms.map(({ token }) => token) : [],
    )
  const read = async (tokens: number[], through: readonly string[]): Promise<Map<number, Uint8Array>> => {
    const bytes = await (await stackedRows(edited, stackOver(edited, through, tokens), options)).bytes(tokens)
    return new Map(tokens.map((token, i) => [token, bytes.slice(i * rowBytes, (i + 1) * rowBytes)]))
  }
  const seen = await read(unique([...recipes.map(({ token }) => token), ...termsOf(false)]), stack)
  const unedited = await read(unique(termsOf(true)), [])

  const made = new Uint8Array(recipes.length * rowBytes)
  recipes.forEach(({ token, value }, i) => {
    const rows = value.unedited ? unedited : seen
    const row = seen.get(token)!.slice()
    const whole = value.unedited ? value.terms[0]!.token : copiedToken(value)
    if (whole !== undefined) copyLayers(layout, rows.get(whole)!, row, layers)
    else mixLayers({ layout, rowBytes }, rows, row, { edit, layers, value })
    made.set(row, i * rowBytes)
  })
  return made
}

/** Takes over the bytes of some layers, scales included, and leaves the state. */
function copyLayers(layout: RowLayout, from: Uint8Array, into: Uint8Array, layers: readonly number[]): void {
  const { width, dtype } = layout
  const size = width * { f32: 4, f16: 2, bf16: 2, int8: 1 }[dtype]
  const scales = Math.ceil((layout.layers * width) / 4) * 4
  for (const layer of layers) {
    into.set(from.subarray(layer * size, (layer + 1) * size), layer * size)
    if (dtype !== 'int8') continue
    const at = scales + 4 * layer
    into.set(from.subarray(at, at + 4), at)
  }
}

function mixLayers(
  table: Pick<EditedTable['table'], 'layout' | 'rowBytes'>,
  rows: ReadonlyMap<number, Uint8Array>,
  into: Uint8Array,
  { edit, layers, value }: { readonly edit: Edit; readonly layers: readonly number[]; readonly value: RowValue },
): void {
  const { layout, rowBytes } = table
  const { width } = layout
  const terms = value.terms.map(({ token, weight }) => ({ weight, values: valuesOf(table, rows.get(token)!)[0]! }))
  const vector = edit.operation === 'add' ? edit.vector : undefined
  const given = edit.operation === 'set' && value.given !== undefined ? edit.values[value.given] : undefined
  const mixed = valuesOf(table, into)[0]!
  layers.forEach((layer, part) => {
    for (let i = layer * width; i < (layer + 1) * width; i++) {
      let sum = 0
      for (const term of terms) sum += term.weight * term.values[i]!
      sum += (value.vector ?? 0) * (vector?.[part]![i - layer * width] ?? 0)
      mixed[i] = sum + (given?.[part]![i - layer * width] ?? 0)
    }
  })
  if (!mixed.every(Number.isFinite)) {
    throw new StemkitError('bad-input', `edit '${edit.name}': a row would get numbers that are not finite`)
  }
  // Encoded into a row of its own, of which only the layers that change are taken: int8 would round the others anew.
  const whole = into.slice()
  encodeRows(layout, mixed, { bytes: whole, stride: rowBytes })
  copyLayers(layout, whole, into, layers)
}
