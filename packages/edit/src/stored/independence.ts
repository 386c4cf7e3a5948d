import { StemkitError } from '@stemkit/spec/errors'
import { listEdits, type AppliedEdit } from './list-edits.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'

/** The edits that lie over a given one: later ones of the same owner, and over everybody's those of all users. */
function above(edited: EditedTable, { user, number }: Pick<AppliedEdit, 'user' | 'number'>): AppliedEdit[] {
  return listEdits(edited).filter(
    (other) =>
      other.current && (other.user === user ? other.number > number : user === undefined && other.user !== undefined),
  )
}

/**
 * Rows may appear or vanish under an edit only if it was not made from them: then all is as if the others had been made
 * without it, byte for byte.
 * @throws conflict naming the edit that was made from them
 */
export function requireIndependent(
  edited: EditedTable,
  edit: Pick<AppliedEdit, 'user' | 'number' | 'name' | 'writes'>,
  verb: 'applied' | 'undone',
): void {
  const written = new Set(edit.writes)
  for (const other of above(edited, edit)) {
    const shared = other.reads.find((token) => written.has(token))
    if (shared === undefined) continue
    const whose = other.user === undefined ? '' : ` of user '${other.user}'`
    throw new StemkitError(
      'conflict',
      `edit '${edit.name}' cannot be ${verb}: '${other.name}'${whose} was made from row ${shared} as it is now; undo that one first`,
    )
  }
}
