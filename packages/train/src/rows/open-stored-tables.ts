import { StemkitError } from '@stemkit/spec/errors'
import { createRowStore, type RowLayout, type RowStore } from '@stemkit/store'
import type { Parameters } from '../parameters.ts'
import type { RowStorage } from '../trainer-options.ts'
import type { RowSnapshot } from '../trainer.ts'
import { rowStateOf, type RowOptimizer } from './row-optimizer.ts'

/** Tables in a store, whose rows in use lie in the parameters' memory. */
export interface StoredTables {
  readonly store: RowStore
  readonly version: RowSnapshot
  snapshot(options?: { readonly note?: string; readonly signal?: AbortSignal }): Promise<RowSnapshot>
  /** Lets go of all kept versions but these. */
  keep(versions: readonly number[]): Promise<void>
}

/** @throws bad-input if the table is not one of this model and optimiser, or the budget is too small for a row */
export function openStoredTables(
  { table, budget, policy }: RowStorage,
  { tables, slab }: Pick<Parameters, 'tables' | 'slab'>,
  optimizer: RowOptimizer,
): StoredTables {
  requireTables(table, tables, optimizer)
  const bytes = new Uint8Array(slab.buffer, slab.byteOffset, slab.byteLength)
  const store = createRowStore({ table, budget, memory: { bytes }, ...(policy ? { policy } : {}) })
  return {
    store,
    get version() {
      return { table: table.id, version: table.version }
    },
    snapshot: async (options = {}) => ({ table: table.id, version: await store.snapshot({ ...options, keep: true }) }),
    async keep(versions) {
      for (const { version, kept } of await table.versions()) {
        if (kept && !versions.includes(version)) await table.drop(version)
      }
    },
  }
}

/**
 * Checks that a store's rows are those of a model's tables, with the state of their optimiser.
 * @throws StemkitError 'bad-input' naming what differs
 */
function requireTables(
  { rows, layout }: { readonly rows: number; readonly layout: RowLayout },
  tables: readonly { readonly name: string; readonly shape: readonly [number, number] }[],
  optimizer: RowOptimizer,
): void {
  const state = rowStateOf(optimizer)
  const refuse = (what: string): never => {
    throw new StemkitError('bad-input', `stored tables: ${what}`)
  }
  if (tables.length === 0) refuse('the model has no tables that are trained by the row')
  for (const { name, shape } of tables) {
    if (shape[0] === rows && shape[1] === layout.width) continue
    refuse(`${name} is [${shape.join(', ')}], the store has ${rows} rows of width ${layout.width}`)
  }
  if (layout.layers !== tables.length)
    refuse(`the model has ${tables.length} tables, the store rows of ${layout.layers} layers`)
  if (layout.dtype !== 'f32' || layout.state !== state) {
    refuse(`${optimizer} needs f32 rows with state '${state}', these are ${layout.dtype} with state '${layout.state}'`)
  }
}
