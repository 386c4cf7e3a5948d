import type { RowOptions } from '@stemkit/spec/row-driver'
import { stackedRows, valuesOf, type EditedTable } from '../rows/stacked-rows.ts'
import { editsFor, findEdit, stackOver, type UserOption } from './list-edits.ts'

/** What an edit did to one layer of a row. */
export interface LayerDiff {
  readonly layer: number
  /** L2 norms before and after, and of the difference. */
  readonly before: number
  readonly after: number
  readonly distance: number
  /** Cosine of the angle between before and after; NaN where one is zero. */
  readonly cosine: number
}

export interface RowDiff {
  readonly token: number
  readonly layers: readonly LayerDiff[]
}

/**
 * What an applied edit changes in each of its rows, against the rows that it lies over.
 * @throws not-found if there is no such edit; conflict if the rows below have moved on
 */
export async function diffEdit(
  edited: EditedTable,
  name: string,
  { user, ...options }: RowOptions & UserOption = {},
): Promise<RowDiff[]> {
  const { table } = edited
  const edit = findEdit(edited, name, { user })
  const tokens = edit.writes
  const edits = stackOver(
    edited,
    editsFor(edited, { user }).map(({ overlay }) => overlay),
    tokens,
  )
  const below = edits.slice(0, Math.max(0, edits.indexOf(edit.overlay)))
  const read = async (stack: readonly string[]): Promise<Float32Array[]> =>
    valuesOf(table, await (await stackedRows(edited, stack, options)).bytes(tokens))
  const [before, after] = [await read(below), await read([...below, edit.overlay])]
  const { layers, width } = table.layout
  return tokens.map((token, row) => ({
    token,
    layers: Array.from({ length: layers }, (_, layer) => {
      const part = (rows: Float32Array[]) => rows[row]!.subarray(layer * width, (layer + 1) * width)
      return { layer, ...compare(part(before), part(after)) }
    }),
  }))
}

function compare(a: Float32Array, b: Float32Array): Omit<LayerDiff, 'layer'> {
  let [dot, before, after, distance] = [0, 0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!
    before += a[i]! ** 2
    after += b[i]! ** 2
    distance += (a[i]! - b[i]!) ** 2
  }
  const norms = { before: Math.sqrt(before), after: Math.sqrt(after), distance: Math.sqrt(distance) }
  return { ...norms, cosine: dot / (norms.before * norms.after) }
}
