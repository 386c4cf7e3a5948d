import { diffEdit, listEdits } from '@stemkit/edit'
import { alignColumns } from '../terminal/table.ts'
import { withEdited } from './open-edited.ts'
import type { Common } from './options.ts'
import { tokenNames } from './token-names.ts'

/** Prints what was applied and not undone. */
export async function showEdits(model: string, flags: Common): Promise<void> {
  await withEdited(model, { ...flags, mode: 'read' }, async ({ table }) => {
    const { user } = flags
    const edits = listEdits({ table }).filter((edit) => user === undefined || edit.user === user)
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ edits })}\n`)
      return
    }
    const rows = edits.map((edit) => [
      edit.name,
      edit.user ?? 'everybody',
      `${edit.writes.length}`,
      [...new Set(edit.edits.map(({ operation }) => operation))].join('+'),
      edit.current ? 'yes' : 'no',
    ])
    const head = ['edit', 'of', 'rows', 'operation', 'current']
    process.stdout.write(rows.length > 0 ? `${alignColumns({ head, rows }).join('\n')}\n` : 'no edits\n')
  })
}

/** Prints what an edit changed. */
export async function showDiff(model: string, name: string, { user, ...flags }: Common): Promise<void> {
  await withEdited(model, { ...flags, mode: 'read' }, async ({ table, tokenizer, signal }) => {
    const diffs = await diffEdit({ table }, name, { user, signal })
    if (flags.json) {
      process.stdout.write(`${JSON.stringify({ name, rows: diffs })}\n`)
      return
    }
    const nameOf = tokenNames(tokenizer)
    const rows = diffs.flatMap(({ token, layers }) =>
      layers.map(({ layer, before, after, distance, cosine }) => [
        nameOf(token),
        `${layer}`,
        ...[before, after, distance, cosine].map((value) => value.toFixed(4)),
      ]),
    )
    const head = ['token', 'layer', 'before', 'after', 'distance', 'cosine']
    process.stdout.write(`${alignColumns({ head, rows }).join('\n')}\n`)
  })
}
