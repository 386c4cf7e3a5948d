import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { valueBytes } from '@stemkit/store'
import { stackedRows, type EditedTable } from '../rows/stacked-rows.ts'
import { editsFor, findEdit, type AppliedEdit, type UserOption } from '../stored/list-edits.ts'
import { tableHash, vocabularyHash, withoutState, type HashOptions } from './content-hash.ts'
import { writePatch } from './patch-file.ts'

export interface ExportPatchOptions extends HashOptions, UserOption {
  /** Names of the edits. Default: all of the user's, or all of everybody's. */
  readonly edits?: readonly string[] | undefined
  /** What an import gets as its name. Default: the edit's, if there is one, else `patch`. */
  readonly name?: string | undefined
  /** Whose tokens they are, to be checked by an import. */
  readonly tokenizer?: Tokenizer | undefined
}

/**
 * Applied edits as a small file, which applies to any copy of the same table: the rows as these edits make them. Reads the
 * whole table, for the hash that tells copies.
 * @throws not-found for an edit that is not there, conflict for one that was made from rows of an edit that is left out
 */
export async function exportPatch(edited: EditedTable, options: ExportPatchOptions = {}): Promise<Uint8Array> {
  const { edits: names, user, tokenizer, ...hashing } = options
  const { table } = edited
  const cancel = options.signal ? { signal: options.signal } : {}
  const chosen = names?.map((name) => findEdit(edited, name, { user }))
  const stack = editsFor(edited, { user })
  const exported = stack.filter((edit) =>
    chosen ? chosen.some(({ overlay }) => overlay === edit.overlay) : edit.user === user,
  )
  const stale = chosen?.find((edit) => !edit.current)
  if (stale) {
    throw new StemkitError(
      'conflict',
      `patch: edit '${stale.name}' was made for rows that have changed since; make it anew`,
    )
  }
  if (exported.length === 0) throw new StemkitError('not-found', 'patch: there are no edits to export')

  requireAll(stack, exported)
  const tokens = [...new Set(exported.flatMap(({ writes }) => writes))].toSorted((a, b) => a - b)
  const rows = await stackedRows(
    edited,
    exported.map(({ overlay }) => overlay),
    cancel,
  )
  const { state: _, ...layout } = table.layout
  return writePatch({
    name: options.name ?? (exported.length === 1 ? exported[0]!.name : 'patch'),
    edits: exported.flatMap(({ edits }) => edits),
    base: await tableHash(table, hashing),
    rows: table.rows,
    layout,
    ...(tokenizer && { vocabulary: await vocabularyHash(tokenizer) }),
    tokens: Uint32Array.from(tokens),
    values: withoutState(await rows.bytes(tokens), table.rowBytes, valueBytes(table.layout)),
  })
}

/** Rows that were made from those of another edit would be wrong without it. */
function requireAll(stack: readonly AppliedEdit[], exported: readonly AppliedEdit[]): void {
  for (const edit of exported) {
    const below = stack.slice(0, stack.indexOf(edit)).filter((other) => !exported.includes(other))
    const needed = below.find((other) => edit.reads.some((token) => other.writes.includes(token)))
    if (!needed) continue
    throw new StemkitError(
      'conflict',
      `patch: '${edit.name}' was made from rows of '${needed.name}', which is not exported; export both, or undo one`,
    )
  }
}
