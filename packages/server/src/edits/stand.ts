import { editStack } from '@stemkit/edit'
import { keepOverlays, nameOfRows, overlayRows, type OverlayRows, type RowSource } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import type { OverlayKeys, RowStore, RowTable } from '@stemkit/store'

/** One version of a table with its edits, which stays as it is while requests read it. */
export interface Stand {
  readonly table: RowTable
  /** As answers name it. */
  readonly name: string
  /** Requests that read it. */
  users: number
  /** Whether its version is still kept for it: not once its hold ran out while the store was away, or the machine slept. */
  isHeld(): Promise<boolean>
  has(overlay: string): boolean
  /** Rows that everybody's edits left, with an overlay over them. @throws not-found */
  rowsOver(overlay?: string): Promise<RowSource>
  /** Disposes the table too. */
  dispose(): Promise<void>
}

export interface StandOptions {
  readonly base: RowStore
  /** Bytes of memory for rows of edits. */
  readonly budget: number
  /** What former stands have read about overlays. */
  readonly known: Map<number, OverlayKeys>
}

/** What stands for everybody's edits in the name of rows: the version says which these are. */
const EDITS = 'edits'

/** The table is the stand's from now on, unless opening fails. */
export async function openStand(table: RowTable, { base, budget, known: read }: StandOptions): Promise<Stand> {
  const edits = editStack({ table })
  const everybody = await overlayRows(table, edits, { base, budget, known: read })
  const there = new Set(table.overlays.map(({ number }) => number))
  for (const number of read.keys()) if (!there.has(number)) read.delete(number)
  const label = edits.length > 0 ? [EDITS] : []
  const own: RowSource = { ...everybody, overlays: label }
  const kept = keepOverlays<{ readonly source: OverlayRows; readonly rows: RowSource }>()

  const known = new Set(
    table.overlays
      .filter(({ base: made }) => made.table === table.id && made.content === table.content)
      .map(({ name }) => name),
  )
  /** All of a name that ends with a slash: the edits of one user, say, who may have none. */
  const matches = (overlay: string): string[] =>
    overlay.endsWith('/') ? [...known].filter((name) => name.startsWith(overlay)) : [overlay]
  const has = (overlay: string): boolean => overlay.endsWith('/') || known.has(overlay)

  const opened = async (overlay: string, names: readonly string[]) => {
    const source = await overlayRows(table, names, { base: everybody, known: read })
    return { source, rows: { ...source, overlays: [...label, overlay] } }
  }

  return {
    table,
    name: nameOfRows(own)!,
    users: 0,
    has,
    isHeld: () =>
      table.read(new Uint32Array(), new Uint8Array()).then(
        () => true,
        () => false,
      ),

    async rowsOver(overlay) {
      if (overlay === undefined) return own
      if (!has(overlay)) throw new StemkitError('not-found', `no overlay '${overlay}' over the rows as they are`)
      const names = matches(overlay).filter((name) => !edits.includes(name))
      if (names.length === 0 && overlay.endsWith('/')) return own
      const { rows } = await kept.open(overlay, () => opened(overlay, names))
      return rows
    },

    async dispose() {
      await kept.dispose()
      await everybody.dispose()
      await table.dispose()
    },
  }
}
