import type { RowOptions } from '@stemkit/spec/row-driver'
import { createRowTable, memoryRows, recordBytes } from '@stemkit/store'
import type { RowEditPlan } from '../plan-edit.ts'
import { rowsInPlace } from '../preview/rows-in-place.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import { applyEdit } from '../stored/apply-edit.ts'
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
  /** Numbers of edits to look after. 0, the untouched model, comes first in any case. */
  readonly counts: readonly number[]
  /** Tokens of held-out texts, each as long as the model takes at most. */
  readonly texts: readonly (readonly number[])[]
  readonly onProgress?: ((edits: number) => void) | undefined
}

/**
 * Applies edits one over the other, as `applyEdit` does, over the table's own rows, in a table of overlays in memory, and
 * measures the perplexity of held-out texts on the way. Counts beyond the number of edits are left out.
 */
export async function measureSequence(
  plans: readonly RowEditPlan[],
  { model, table, counts, texts, onProgress, ...cancel }: MeasureSequenceOptions,
): Promise<SequencePoint[]> {
  const { layout } = table
  const driver = memoryRows({ rows: 1, rowBytes: recordBytes(layout) })
  const overlays = await createRowTable({ driver, layout, rows: 0 })
  try {
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
