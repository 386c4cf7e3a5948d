import { StemkitError } from '@stemkit/spec/errors'
import type { TableOptions } from '../generation.ts'
import { sourceRows, type TableRows, type TableRowsOptions } from '../table-rows.ts'
import { keepOverlays } from './kept-overlays.ts'
import type { OverlayRows } from './overlay-rows.ts'
import { placedRows } from './placed-rows.ts'
import type { RowSource } from './row-source.ts'

/** Opens overlays over a model's tables by name, the last on top. @throws not-found for a name that is not there */
export type OpenOverlay = (names: readonly string[]) => Promise<OverlayRows>

export interface RequestRows {
  /** The rows that a request reads. @throws bad-input for rows of other shapes, or overlays where there can be none */
  rowsOf(options: TableOptions): TableRows | Promise<TableRows>
  dispose(): Promise<void>
}

export function createRequestRows(
  model: Pick<TableRowsOptions, 'config' | 'custom'> & { readonly openOverlay?: OpenOverlay | undefined },
  own: TableRows,
): RequestRows {
  const given = new WeakMap<RowSource, TableRows>()
  const kept = keepOverlays<{ readonly rows: TableRows; readonly source: OverlayRows }>()

  const ofSource = (source: RowSource): TableRows => {
    const rows = given.get(source) ?? sourceRows(model, source)
    given.set(source, rows)
    return rows
  }

  const ofOverlays = async (names: readonly string[]): Promise<TableRows> => {
    const { openOverlay } = model
    if (!openOverlay) {
      throw new StemkitError(
        'bad-input',
        'generate: overlays lie over tables in a store, and this model has none; load it with a store',
      )
    }
    const { rows } = await kept.open(JSON.stringify([own.name, ...names]), async () => {
      const source = await openOverlay(names)
      return { source, rows: ofSource(source) }
    })
    return rows
  }

  const rowsAsTheyAre = ({ overlay, rows }: TableOptions): TableRows | Promise<TableRows> => {
    const names = overlay === undefined ? [] : [overlay].flat()
    if (rows && names.length > 0) {
      throw new StemkitError(
        'bad-input',
        'generate: both rows and an overlay are given; stack the overlay over the rows',
      )
    }
    if (rows) return ofSource(rows)
    return names.length > 0 ? ofOverlays(names as readonly string[]) : own
  }

  return {
    rowsOf(options) {
      const { tableIds, rows } = options
      if (!tableIds) return rowsAsTheyAre(options)
      checkTableIds(tableIds, rows?.rows ?? model.config.vocabSize)
      if (rows && options.overlay === undefined) return placedRows(sourceRows(model, rows, { extra: true }), tableIds)
      return Promise.resolve(rowsAsTheyAre(options)).then((found) => placedRows(found, tableIds))
    },
    dispose: () => kept.dispose(),
  }
}

function checkTableIds(tableIds: readonly number[], rows: number): void {
  const at = tableIds.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < rows))
  if (at < 0) return
  throw new StemkitError('bad-input', `generate: table id ${tableIds[at]} at position ${at}; there are ${rows} rows`)
}
