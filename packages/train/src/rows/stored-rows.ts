import type { RowStore } from '@stemkit/store'
import type { OptimizerPool } from '../optimizer/pool.ts'
import type { HeldRows, RowBlock, TableRows } from './table-rows.ts'

/**
 * Rows of tables that a store holds: values and both moments of all layers side by side, in slots of the pool's memory,
 * where the optimiser changes them in place. So nothing is copied but the values that the graph reads, as with tables in
 * memory, and the numbers are the same bit for bit.
 */
export function storedRows(
  tables: readonly RowBlock[],
  {
    store,
    slab,
    pool,
    rowIds,
  }: {
    readonly store: RowStore
    /** The memory that was given to the store. */
    readonly slab: Float32Array
    readonly pool: OptimizerPool
    readonly rowIds: Uint32Array
  },
): TableRows {
  const { layers, width } = store.layout
  const size = layers * width

  return {
    async take(plan, options = {}): Promise<HeldRows> {
      const lease = await store.lease(plan, signalOf(options))
      const count = plan.unique.length
      rowIds.set(lease.slots)
      const rows = { ids: rowIds.subarray(0, count), layers: 1, width, stride: lease.stride / 4 }
      const part = (kind: number, layer: number): Float32Array => slab.subarray(kind * size + layer * width)
      try {
        await pool.run(
          tables.map((table, layer) => ({
            kernel: 'gatherRows',
            table: part(0, layer),
            block: table.rows.subarray(0, count * width),
            ...rows,
          })),
        )
      } catch (error) {
        lease.release()
        throw error
      }
      return {
        plan,
        updates: (update) =>
          tables.map(({ rowGradients }, layer) => ({
            kernel: 'adamwRows',
            update,
            parameters: part(0, layer),
            moments: part(1, layer),
            squares: part(2, layer),
            gradients: rowGradients.subarray(0, count * width),
            ...rows,
          })),
        release: ({ changed } = { changed: false }) => lease.release({ changed }),
      }
    },
    prefetch: (plan, options = {}) => store.prefetch(plan, signalOf(options)),
  }
}

const signalOf = ({ signal }: { readonly signal?: AbortSignal | undefined }): { signal?: AbortSignal } =>
  signal ? { signal } : {}
