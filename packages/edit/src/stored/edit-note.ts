import type { Overlay } from '@stemkit/store'
import { parseEdit, type Edit } from '../edit.ts'

/** An edit as it is kept beside its rows, which say what its numbers did. */
export type KeptEdit = Edit extends infer E ? (E extends unknown ? Omit<E, 'vector' | 'values'> : never) : never

/** What an overlay's note holds. */
export interface EditNote {
  readonly user?: string
  /** Of an import several, in the order in which they were made. */
  readonly edits: readonly KeptEdit[]
  /** Rows that it was made from, as they then were. */
  readonly reads: readonly number[]
  /** Rows that it changes, ascending. */
  readonly writes: readonly number[]
}

const FORMAT = 1

export const withoutNumbers = (edit: Edit): KeptEdit => {
  if (edit.operation === 'add') {
    const { vector: _, ...rest } = edit
    return rest
  }
  if (edit.operation === 'set') {
    const { values: _, ...rest } = edit
    return rest
  }
  return edit
}

export const writeNote = (note: EditNote): string => JSON.stringify({ stemkitEdit: FORMAT, ...note })

/** A thousand edits are looked through at every change. */
const known = new WeakMap<Overlay, EditNote | undefined>()

/** What an overlay's note says; undefined where it is no edit. */
export function readNote(overlay: Overlay): EditNote | undefined {
  if (!known.has(overlay)) known.set(overlay, parseNote(overlay))
  return known.get(overlay)
}

function parseNote({ note }: Overlay): EditNote | undefined {
  if (!note?.startsWith('{"stemkitEdit":')) return undefined
  const { stemkitEdit, ...rest } = JSON.parse(note) as { stemkitEdit: number } & EditNote
  return stemkitEdit === FORMAT ? rest : undefined
}

/** @throws bad-input for what cannot have been an edit */
export function parseKeptEdit(value: unknown): KeptEdit {
  const operation = typeof value === 'object' && value !== null && 'operation' in value ? value.operation : undefined
  const numbers = operation === 'add' ? { vector: [[0]] } : operation === 'set' ? { values: [[[0]]] } : {}
  return withoutNumbers(parseEdit(typeof value === 'object' ? { ...value, ...numbers } : value))
}
