import type { TableRows } from '../table-rows.ts'

/**
 * Rows for one request, whose first tokens read those of `tableIds`. Made anew for each, so that no other sequence starts
 * from what was computed with them.
 */
export function placedRows(rows: TableRows, tableIds: readonly number[]): TableRows {
  return {
    get name() {
      return rows.name
    },
    gather: (ids, { positions, ...options } = {}) =>
      rows.gather(
        ids.map((id, i) => tableIds[positions?.[i] ?? i] ?? id),
        options,
      ),
    dispose: async () => {},
  }
}
