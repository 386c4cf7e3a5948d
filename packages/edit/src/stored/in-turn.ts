import type { RowTable } from '@stemkit/store'
import type { EditedTable } from '../rows/stacked-rows.ts'

const last = new WeakMap<RowTable, Promise<unknown>>()

/** Changes of one table, one after the other: each is made from what those before it left. */
export function inTurn<T>({ table, overlays = table }: EditedTable, work: () => Promise<T>): Promise<T> {
  const before = last.get(overlays) ?? Promise.resolve()
  const done = before.then(work)
  last.set(
    overlays,
    done.catch(() => {}),
  )
  return done
}
