import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { valueBytes } from '@stemkit/store'
import { stackedRows, type EditedTable } from '../rows/stacked-rows.ts'
import type { Applied } from '../stored/apply-edit.ts'
import { requireIndependent } from '../stored/independence.ts'
import { changeInTurn } from '../stored/change-in-turn.ts'
import { keepRows } from '../stored/keep-rows.ts'
import type { UserOption } from '../stored/list-edits.ts'
import { tableHash, vocabularyHash, type HashOptions } from './content-hash.ts'
import { readPatch, type Patch } from './patch-file.ts'

export interface ImportPatchOptions extends HashOptions, UserOption {
  /** Default: the name that it was exported with. */
  readonly name?: string | undefined
  /** The model's. A patch that says which vocabulary it is for is then checked against it. */
  readonly tokenizer?: Tokenizer | undefined
}

/**
 * Applies a patch file as one edit over those that are there: its rows, whatever they are now, become the file's. Reads the
 * whole table, to be sure that it is a copy of the one that the patch was made for.
 * @throws with nothing applied: bad-input for what is no patch, corrupt for one that was changed, unsupported for a newer
 *   format, conflict for one of another table or vocabulary, and as `applyEdit`
 */
export async function importPatch(
  edited: EditedTable,
  bytes: Uint8Array,
  options: ImportPatchOptions = {},
): Promise<Applied> {
  const { user, name, tokenizer, ...hashing } = options
  const cancel = options.signal ? { signal: options.signal } : {}
  const patch = await readPatch(bytes)
  await requireBase(edited, patch, { tokenizer, ...hashing })
  return changeInTurn(edited, async () => {
    const writes = [...patch.tokens]
    const owner = user === undefined ? {} : { user }
    const as = name ?? patch.name
    requireIndependent(edited, { name: as, number: Infinity, writes, ...owner }, 'applied')
    const rows = await withState(edited, patch, cancel)
    return keepRows(
      edited,
      { name: as, bytes: rows, note: { ...owner, edits: patch.edits, reads: [], writes } },
      cancel,
    )
  })
}

async function requireBase(
  { table }: EditedTable,
  patch: Patch,
  { tokenizer, ...hashing }: HashOptions & Pick<ImportPatchOptions, 'tokenizer'>,
): Promise<void> {
  const shapeOf = ({ rows, layout: { layers, width, dtype } }: Pick<Patch, 'rows' | 'layout'>): string =>
    `${rows} rows of ${layers} x ${width} ${dtype}`
  if (shapeOf(patch) !== shapeOf(table)) {
    throw new StemkitError('conflict', `patch: it is for ${shapeOf(patch)}, this table has ${shapeOf(table)}`)
  }
  if (tokenizer && patch.vocabulary !== undefined && (await vocabularyHash(tokenizer)) !== patch.vocabulary) {
    throw new StemkitError('conflict', 'patch: it is for another vocabulary than this tokenizer has')
  }
  if ((await tableHash(table, hashing)) !== patch.base) {
    throw new StemkitError('conflict', 'patch: it is for another base model: the rows of this table are others')
  }
}

/** An optimiser's state is no part of a patch: it stays the row's own. */
async function withState(edited: EditedTable, patch: Patch, options: RowOptions): Promise<Uint8Array> {
  const { rowBytes, layout } = edited.table
  const size = valueBytes(layout)
  const rows = await (await stackedRows(edited, [], options)).bytes([...patch.tokens])
  for (let i = 0; i < patch.tokens.length; i++) rows.set(patch.values.subarray(i * size, (i + 1) * size), i * rowBytes)
  return rows
}
