import { StemkitError } from '@stemkit/spec/errors'
import type { Overlay } from '@stemkit/store'
import { isName, NAME_RULE } from '../edit.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import { readNote, type EditNote } from './edit-note.ts'

/** An edit that was applied to a table and not undone. */
export interface AppliedEdit extends EditNote {
  readonly name: string
  /** The overlay that holds its rows: what a request names to read them. */
  readonly overlay: string
  /** Counts what was ever applied, later ones higher. */
  readonly number: number
  /** False once the rows below were trained on or replaced: it is not read then, and can only be undone. */
  readonly current: boolean
}

export interface UserOption {
  /** Whose edits: they lie over those that are everybody's. Default: everybody's. */
  readonly user?: string | undefined
}

const PREFIX = 'edit'

/** @throws bad-input for a user that cannot be part of a name */
export function overlayName(name: string, user: string | undefined): string {
  for (const part of [name, ...(user === undefined ? [] : [user])]) {
    if (isName(part)) continue
    throw new StemkitError('bad-input', `edits: ${JSON.stringify(part)} is no name, which has ${NAME_RULE}`)
  }
  return [PREFIX, ...(user === undefined ? [] : [user]), name].join('/')
}

/** All edits over a table, whoever's, oldest first. */
export function listEdits({ table, overlays = table }: EditedTable): AppliedEdit[] {
  return overlays.overlays.flatMap((overlay) => editOf(overlay, table) ?? [])
}

function editOf(overlay: Overlay, table: EditedTable['table']): AppliedEdit | undefined {
  const note = overlay.base.table === table.id ? readNote(overlay) : undefined
  if (!note) return undefined
  const { name, number, base } = overlay
  const current = base.content === table.content
  return { name: name.slice(name.lastIndexOf('/') + 1), overlay: name, number, current, ...note }
}

/** The edits that a user's requests read, in the order of the stack: everybody's, then the user's own. */
export function editsFor(edited: EditedTable, { user }: UserOption = {}): AppliedEdit[] {
  const current = listEdits(edited).filter((each) => each.current)
  const of = (owner: string | undefined): AppliedEdit[] => current.filter((each) => each.user === owner)
  return user === undefined ? of(undefined) : [...of(undefined), ...of(user)]
}

/** The overlays that a user's requests name, the last on top. */
export const editStack = (edited: EditedTable, options: UserOption = {}): string[] =>
  editsFor(edited, options).map(({ overlay }) => overlay)

/**
 * Those of some overlays that have any of these rows: what is read through them is the same, and a thousand others need
 * not be opened.
 */
export function stackOver(edited: EditedTable, stack: readonly string[], tokens: Iterable<number>): string[] {
  const wanted = new Set(tokens)
  const written = new Map(listEdits(edited).map(({ overlay, writes }) => [overlay, writes]))
  return stack.filter((overlay) => written.get(overlay)?.some((token) => wanted.has(token)) ?? true)
}

/** @throws not-found, saying which there are */
export function findEdit(edited: EditedTable, name: string, { user }: UserOption): AppliedEdit {
  const edits = listEdits(edited).filter((each) => each.user === user)
  const found = edits.find((each) => each.name === name)
  if (found) return found
  const known = edits.map((each) => `'${each.name}'`).join(', ') || 'none'
  const whose = user === undefined ? '' : ` of user '${user}'`
  throw new StemkitError('not-found', `edits: no edit '${name}'${whose}; there are ${known}`)
}
