import type { EditedTable } from '../rows/stacked-rows.ts'
import type { Applied, ApplyOptions } from './apply-edit.ts'
import { requireIndependent } from './independence.ts'
import { changeInTurn } from './change-in-turn.ts'
import { findEdit } from './list-edits.ts'

/**
 * Takes an edit back: every row is, byte for byte, as if it had never been made. In any order, unless a later edit was
 * made from its rows.
 * @returns the edit that was undone, and the version without it
 * @throws not-found if there is no such edit, conflict naming an edit that was made from its rows
 */
export function undoEdit(edited: EditedTable, name: string, options: ApplyOptions = {}): Promise<Applied> {
  const { user, ...cancel } = options
  const { table, overlays = table } = edited
  return changeInTurn(edited, async () => {
    const edit = findEdit(edited, name, { user })
    if (edit.current) requireIndependent(edited, edit, 'undone')
    await overlays.removeOverlay(edit.overlay, cancel)
    return { ...edit, version: overlays.version }
  })
}
