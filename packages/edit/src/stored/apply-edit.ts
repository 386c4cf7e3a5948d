import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowEditPlan } from '../plan-edit.ts'
import { makeRows } from '../rows/make-rows.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import { withoutNumbers, type EditNote } from './edit-note.ts'
import { requireIndependent } from './independence.ts'
import { keepRows } from './keep-rows.ts'
import { editStack, overlayName, type AppliedEdit, type UserOption } from './list-edits.ts'
import { changeInTurn } from './change-in-turn.ts'

export interface ApplyOptions extends RowOptions, UserOption {}

/** An edit, and the version of the table that has it. */
export interface Applied extends AppliedEdit {
  readonly version: number
}

/**
 * Applies a row edit, over the edits that are there: as a whole or not at all, durable once it resolves. The rows of the
 * table stay as they are; a request that was begun keeps the version that it reads.
 * @throws conflict if there is an edit of that name, somebody else writes, or a user's edit was made from rows that would
 *   change; bad-input for numbers that rows cannot hold
 */
export function applyEdit(edited: EditedTable, plan: RowEditPlan, options: ApplyOptions = {}): Promise<Applied> {
  const { user, ...cancel } = options
  const { edit, layers, rows } = plan
  return changeInTurn(edited, async () => {
    overlayName(edit.name, user)
    const writes = rows.map(({ token }) => token)
    const owner = user === undefined ? {} : { user }
    requireIndependent(edited, { name: edit.name, number: Infinity, writes, ...owner }, 'applied')
    const bytes = await makeRows(edited, rows, { edit, layers, stack: editStack(edited, { user }), ...cancel })
    const note: EditNote = {
      ...owner,
      edits: [withoutNumbers(edit)],
      reads: readsOf(plan, edited.table.layout.layers),
      writes,
    }
    return keepRows(edited, { name: edit.name, bytes, note }, cancel)
  })
}

/** The rows that a plan is made from as edits before it left them. */
function readsOf({ layers, rows }: RowEditPlan, all: number): number[] {
  const terms = rows.flatMap(({ value }) => (value.unedited ? [] : value.terms.map(({ token }) => token)))
  const own = layers.length < all ? rows.map(({ token }) => token) : []
  return [...new Set([...terms, ...own])].toSorted((a, b) => a - b)
}
