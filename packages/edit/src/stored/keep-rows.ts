import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { EditedTable } from '../rows/stacked-rows.ts'
import type { Applied } from './apply-edit.ts'
import { writeNote, type EditNote } from './edit-note.ts'
import { findEdit, overlayName } from './list-edits.ts'

/** Changed rows with what they are, about to become an overlay. */
export interface NewRows {
  readonly name: string
  /** Of the rows that the note says are written, one after the other. */
  readonly bytes: Uint8Array
  readonly note: EditNote
}

/** Makes a version that has these rows over those of the table. */
export async function keepRows(
  edited: EditedTable,
  { name, bytes, note }: NewRows,
  options: RowOptions,
): Promise<Applied> {
  const { table, overlays = table } = edited
  const overlay = overlayName(name, note.user)
  if (overlays.overlays.some((other) => other.name === overlay)) {
    throw new StemkitError('conflict', `edits: there is an edit '${name}' already; undo it or take another name`)
  }
  await overlays.addOverlay(overlay, Uint32Array.from(note.writes), bytes, {
    note: writeNote(note),
    ...(overlays !== table && { base: { table: table.id, content: table.content, rows: table.rows } }),
    ...options,
  })
  return { ...findEdit(edited, name, { user: note.user }), version: overlays.version }
}
