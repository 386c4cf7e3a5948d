import { inTurn } from '@stemkit/spec/waiting'
import type { RowTable } from '@stemkit/store'
import type { EditedTable } from '../rows/stacked-rows.ts'

const turns = new WeakMap<RowTable, ReturnType<typeof inTurn>>()

/** Changes of one table, one after the other: each is made from what those before it left. */
export function changeInTurn<T>({ table, overlays = table }: EditedTable, work: () => Promise<T>): Promise<T> {
  const known = turns.get(overlays) ?? inTurn()
  turns.set(overlays, known)
  return known(work)
}
