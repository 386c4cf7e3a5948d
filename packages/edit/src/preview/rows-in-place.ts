import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Edit } from '../edit.ts'
import { makeRows, type Recipe } from '../rows/make-rows.ts'
import { stackedRows, valuesOf, type EditedTable } from '../rows/stacked-rows.ts'
import type { RowsInPlace } from './editable-model.ts'

export interface InPlaceOptions extends RowOptions {
  /** Overlays through which rows are read, the last on top. */
  readonly stack: readonly string[]
  /** Rows that are made from those, and the ids under which they are read, which may lie beyond the table. */
  readonly made?: {
    readonly ids: readonly number[]
    readonly recipes: readonly Recipe[]
    readonly edit: Edit
    readonly layers: readonly number[]
  }
}

/** Rows of a table under overlays, some of them made anew; nothing is written. Reads those that are asked for each time. */
export async function rowsInPlace(
  edited: EditedTable,
  { stack, made, ...options }: InPlaceOptions,
): Promise<RowsInPlace> {
  const { table } = edited
  const { layers, width } = table.layout
  const stacked = await stackedRows(edited, stack, options)
  const values = made ? valuesOf(table, await makeRows(edited, made.recipes, { ...made, stack, ...options })) : []
  const own = new Map(made?.ids.map((id, i) => [id, values[i]!]))
  return {
    id: undefined,
    version: undefined,
    rows: Math.max(table.rows, ...(made?.ids ?? []).map((id) => id + 1)),
    layout: table.layout,
    async gather({ unique }, blocks) {
      const others = [...unique].filter((id) => !own.has(id))
      const read = valuesOf(table, await stacked.bytes(others))
      const found = new Map(others.map((id, i) => [id, read[i]!]))
      unique.forEach((id, at) => {
        const row = own.get(id) ?? found.get(id)!
        for (let layer = 0; layer < layers; layer++) {
          blocks.set(row.subarray(layer * width, (layer + 1) * width), (layer * unique.length + at) * width)
        }
      })
    },
    async prefetch() {},
  }
}
