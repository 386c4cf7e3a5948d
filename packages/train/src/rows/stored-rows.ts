import type { RowStore } from '@stemkit/store'
import type { OptimizerPool } from '../optimizer/pool.ts'
import { updateRows, type RowMemory } from './row-optimizer.ts'
import type { HeldRows, RowBlock, TableRows } from './table-rows.ts'

/**
 * Rows of tables that a store holds: values of all layers and the state of their optimiser side by side, in slots of the
 * pool's memory, where the optimiser changes them in place. So nothing is copied but the values that the graph reads, as with tables in
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
  const { layers, width, state } = store.layout
  const size = layers * width
  /** The rows from a float of theirs on. */
  const from = (float: number): Float32Array => slab.subarray(float)
  const valuesOf = (layer: number): Float32Array => from(layer * width)
  const stateOf = (layer: number, stride: number): RowMemory =>
    state === 'row-adagrad'
      ? { sums: from(size + layer), sumStride: stride }
      : { moments: from(size + layer * width), squares: from(2 * size + layer * width) }

  return {
    async take(plan, options = {}): Promise<HeldRows> {
      const lease = await store.lease(plan, signalOf(options))
      const count = plan.unique.length
      rowIds.set(lease.slots)
      const rows = { ids: rowIds.subarray(0, count), layers: 1, width, stride: lease.stride / 4 }
      try {
        await pool.run(
          tables.map((table, layer) => ({
            kernel: 'gatherRows',
            table: valuesOf(layer),
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
          tables.map(({ rowGradients }, layer) =>
            updateRows(stateOf(layer, rows.stride), update, {
              parameters: valuesOf(layer),
              gradients: rowGradients.subarray(0, count * width),
              ...rows,
            }),
          ),
        release: ({ changed } = { changed: false }) => lease.release({ changed }),
      }
    },
    prefetch: (plan, options = {}) => store.prefetch(plan, signalOf(options)),
  }
}

const signalOf = ({ signal }: { readonly signal?: AbortSignal | undefined }): { signal?: AbortSignal } =>
  signal ? { signal } : {}
