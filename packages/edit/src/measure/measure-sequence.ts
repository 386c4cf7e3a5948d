import type { RowOptions } from '@stemkit/spec/row-driver'
import { createRowTable, memoryRows, overlayView, recordBytes, type RowTable } from '@stemkit/store'
import type { RowEditPlan } from '../plan-edit.ts'
import { rowsInPlace } from '../preview/rows-in-place.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import { applyEdit } from '../stored/apply-edit.ts'
import { keepRows } from '../stored/keep-rows.ts'
import { editStack } from '../stored/list-edits.ts'
import type { MeasuredModel } from './measured-model.ts'
import { perplexityOf } from './perplexity.ts'

/** What was left of the model after so many edits, one over the other. */
export interface SequencePoint {
  readonly edits: number
  /** On held-out text. */
  readonly perplexity: number
}

export interface MeasureSequenceOptions extends RowOptions {
  readonly model: MeasuredModel
  readonly table: EditedTable['table']
  /** Overlays under the first edit. Default: none. */
  readonly stack?: readonly string[] | undefined
  /** Numbers of edits to look after. 0, the model without them, comes first in any case. */
  readonly counts: readonly number[]
  /** Tokens of held-out texts, each as long as the model takes at most. */
  readonly texts: readonly (readonly number[])[]
  readonly onProgress?: ((edits: number) => void) | undefined
}

/**
 * Applies edits one over the other, as `applyEdit` does, over the table's rows under `stack`, in a table of overlays in memory, and
 * measures the perplexity of held-out texts on the way. Counts beyond the number of edits are left out.
 */
export async function measureSequence(
  plans: readonly RowEditPlan[],
  { model, table, stack = [], counts, texts, onProgress, ...cancel }: MeasureSequenceOptions,
): Promise<SequencePoint[]> {
  const { layout } = table
  const driver = memoryRows({ rows: 1, rowBytes: recordBytes(layout) })
  const overlays = await createRowTable({ driver, layout, rows: 0 })
  try {
    await keepStack({ table, overlays }, stack, cancel)
    const wanted = new Set([0, ...counts])
    const points: SequencePoint[] = []
    for (let edits = 0; edits <= plans.length; edits++) {
      cancel.signal?.throwIfAborted()
      if (edits > 0) await applyEdit({ table, overlays }, plans[edits - 1]!, cancel)
      onProgress?.(edits)
      if (!wanted.delete(edits)) continue
      const edited = { table, overlays }
      const rows = await rowsInPlace(edited, { stack: editStack(edited), ...cancel })
      points.push({ edits, perplexity: await perplexityOf(model.over(rows), texts, cancel) })
      if (wanted.size === 0) break
    }
    return points
  } finally {
    await overlays.dispose()
  }
}

/** Puts what a stack of the table's own overlays changes under the edits to come, as if one edit had made it. */
async function keepStack(
  { table, overlays }: { readonly table: RowTable; readonly overlays: RowTable },
  stack: readonly string[],
  cancel: RowOptions,
): Promise<void> {
  if (stack.length === 0) return
  const view = await overlayView(table, stack, cancel)
  const keys = view.resolve(Uint32Array.from({ length: table.rows }, (_, row) => row))
  const writes = [...keys.keys()].filter((row) => keys[row] !== row)
  if (writes.length === 0) return
  const bytes = new Uint8Array(writes.length * table.rowBytes)
  await view.read(
    Uint32Array.from(writes, (row) => keys[row]!),
    bytes,
    cancel,
  )
  await keepRows({ table, overlays }, { name: 'stack', bytes, note: { edits: [], reads: [], writes } }, cancel)
}
