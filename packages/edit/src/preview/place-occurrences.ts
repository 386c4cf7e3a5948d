import type { OccurrencePlan } from '../plan-occurrences.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import type { RowsInPlace } from './editable-model.ts'
import { rowsInPlace, type InPlaceOptions } from './rows-in-place.ts'

/**
 * What a model has to be given for the plan's prompt beside its `inputIds`. Rows that are none of the table's come after
 * those of the table.
 */
export async function placeOccurrences(
  edited: EditedTable,
  { edit, layers, inputIds, tableIds, made }: OccurrencePlan,
  reading: Omit<InPlaceOptions, 'made'>,
): Promise<{ readonly rows: RowsInPlace; readonly tableIds: readonly number[] }> {
  const ids = made.map((_, i) => edited.table.rows + i)
  const recipes = made.map(({ position, value }) => ({ token: inputIds[position]!, value }))
  const placed = [...tableIds]
  made.forEach(({ position }, i) => (placed[position] = ids[i]!))
  return { rows: await rowsInPlace(edited, { ...reading, made: { ids, recipes, edit, layers } }), tableIds: placed }
}
