import type { OptimizerPool } from '../optimizer/pool.ts'
import { updateRows, type RowMemory } from './row-optimizer.ts'
import type { HeldRows, RowBlock, TableRows } from './table-rows.ts'

/** A table in memory as a whole: values [V, w] and the state of their optimiser. */
export interface ResidentTable extends RowBlock {
  readonly values: Float32Array
  readonly state: RowMemory
}

/** Rows of tables that are in memory as a whole. */
export function residentRows(
  tables: readonly ResidentTable[],
  { pool, rowIds }: { readonly pool: OptimizerPool; readonly rowIds: Uint32Array },
): TableRows {
  return {
    async take(plan): Promise<HeldRows> {
      const count = plan.unique.length
      rowIds.set(plan.unique)
      const ids = rowIds.subarray(0, count)
      await pool.run(
        tables.map(({ values, rows, shape: [, width] }) => ({
          kernel: 'gatherRows',
          table: values,
          block: rows.subarray(0, count * width),
          ids,
          layers: 1,
          width,
        })),
      )
      return {
        plan,
        updates: (update) =>
          tables.map(({ values, state, rowGradients, shape: [, width] }) =>
            updateRows(state, update, {
              parameters: values,
              gradients: rowGradients.subarray(0, count * width),
              ids,
              layers: 1,
              width,
            }),
          ),
        release() {},
      }
    },
  }
}
