import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowLayout } from '../layout.ts'
import type { BlockOptions, RowTable } from '../table/row-table.ts'
import { sparseNumbers } from '../table/sparse-numbers.ts'
import { findOverlay } from './overlays.ts'

export interface OverlayViewOptions extends RowOptions {
  /** The table that holds the overlays. Default: the base itself. */
  readonly overlays?: RowTable
  /**
   * What earlier views have read about overlays of the same table, by their numbers: of a thousand overlays only new ones are
   * read again. The view adds to it.
   */
  readonly known?: Map<number, OverlayKeys>
}

/** The rows that an overlay changes, ascending, and the key of each. */
export interface OverlayKeys {
  readonly ids: Uint32Array
  readonly keys: Uint32Array
}

/** The rows of a table, some of them replaced by those of overlays. */
export interface OverlayView {
  readonly rows: number
  readonly layout: RowLayout
  readonly rowBytes: number
  /**
   * What to read in place of rows `ids`: a key below `rows` is the table's own row, any other an overlay's. A key names the
   * same row as long as base and overlays exist, so it can name it in a cache, whatever is stacked later. Same order as
   * `ids`: not sorted, but unique if they are.
   */
  resolve(ids: Uint32Array): Uint32Array
  /** Copies the rows that unique keys name into `into`, in that order or as `at` says. */
  read(keys: Uint32Array, into: Uint8Array, options?: BlockOptions): Promise<void>
}

/**
 * Stacks overlays over a table: a row is read from the last of `stack` that has it, else from the table. The view reads
 * through the two tables; dispose those. Read-only tables are best: a view of rows that are still being written is none.
 *
 * @throws not-found for a name that is not there, conflict for an overlay that was made for other rows, bad-input for one
 *   of another layout
 */
export async function overlayView(
  base: RowTable,
  stack: readonly string[],
  { overlays = base, known, ...opening }: OverlayViewOptions = {},
): Promise<OverlayView> {
  const { id, content, rows, layout, rowBytes } = base
  if (overlays !== base && JSON.stringify(entriesOf(overlays.layout)) !== JSON.stringify(entriesOf(layout))) {
    throw new StemkitError(
      'bad-input',
      'overlays: the rows of the overlays have another layout than those of the table',
    )
  }
  /** Keys of the other table follow those of the base. */
  const offset = overlays === base ? 0 : rows
  const changed = sparseNumbers()
  const all = overlays.overlays
  for (const name of stack) {
    const overlay = findOverlay(all, name)
    if (overlay.base.table !== id || overlay.base.content !== content) {
      throw new StemkitError(
        'conflict',
        `overlays: '${name}' was made for version ${overlay.base.content} of table ${overlay.base.table}, ` +
          `this is version ${content} of table ${id}; make it anew`,
      )
    }
    const read = known?.get(overlay.number) ?? (await overlays.overlayKeys(name, opening))
    known?.set(overlay.number, read)
    const { ids, keys } = read
    for (let i = 0; i < ids.length; i++) changed.set(ids[i]!, offset + keys[i]!)
  }

  return {
    rows,
    layout,
    rowBytes,

    resolve: (ids) => ids.map((row) => changed.get(row) ?? row),

    async read(keys, into, { at, ...options } = {}) {
      if (base.content !== content) {
        throw new StemkitError(
          'conflict',
          `overlays: the table is now at version ${base.content}, not ${content}; stack anew`,
        )
      }
      if (overlays === base) {
        await base.read(keys, into, { ...options, ...(at && { at }) })
        return
      }
      const part = (isOwn: boolean) => {
        const chosen = Uint32Array.from(keys.keys()).filter((i) => keys[i]! < rows === isOwn)
        const table = isOwn ? base : overlays
        const names = chosen.map((i) => keys[i]! - (isOwn ? 0 : offset))
        return chosen.length > 0 && table.read(names, into, { ...options, at: chosen.map((i) => at?.[i] ?? i) })
      }
      const results = await Promise.allSettled([part(true), part(false)])
      for (const result of results) if (result.status === 'rejected') throw result.reason
    },
  }
}

const entriesOf = ({ layers, width, dtype, state }: RowLayout): unknown[] => [layers, width, dtype, state]
