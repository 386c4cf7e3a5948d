import { applyEdit, editStack, planEdit, undoEdit, type Applied } from '@stemkit/edit'
import { loadPatch, savePatch } from '@stemkit/edit/node'
import type { EditFlags } from './edit-options.ts'
import { readEdits } from './read-edits.ts'
import { withEdited, type Edited } from './open-edited.ts'
import type { Common } from './options.ts'
import type { ExportFlags, ImportFlags } from './verbs.ts'

/** Applies edits and prints what they are read by. */
export async function applyEdits(model: string, path: string | undefined, flags: Common & EditFlags): Promise<void> {
  const edits = await readEdits(path, flags)
  await withEdited(model, { ...flags, mode: 'write' }, async (edited) => {
    const { user } = flags
    const { table, signal } = edited
    // All are planned first: what rows cannot express should not be found half-way.
    const plans = edits.map((edit) => planEdit(edit, edited))
    const applied: Applied[] = []
    for (const plan of plans) applied.push(await applyEdit({ table }, plan, { user, signal }))
    printChange('applied', applied, edited, flags)
  })
}

/** Takes edits back, in the order of their names. */
export async function undoEdits(model: string, names: readonly string[], flags: Common): Promise<void> {
  await withEdited(model, { ...flags, mode: 'write' }, async (edited) => {
    const { user } = flags
    const { table, signal } = edited
    const undone: Applied[] = []
    for (const name of names) undone.push(await undoEdit({ table }, name, { user, signal }))
    printChange('undone', undone, edited, flags)
  })
}

/** Writes edits as a patch file. */
export async function exportEdits(
  model: string,
  file: string,
  { edit: edits, name, user, ...flags }: ExportFlags,
): Promise<void> {
  await withEdited(model, { ...flags, mode: 'read' }, async (edited) => {
    const { table, tokenizer, signal } = edited
    const onProgress = hashing(edited)
    const bytes = await savePatch({ table }, file, { edits, name, user, tokenizer, signal, onProgress })
    process.stdout.write(flags.json ? `${JSON.stringify({ file, bytes })}\n` : `${file}: ${bytes} bytes\n`)
  })
}

/** Applies a patch file as one edit. */
export async function importEdit(model: string, file: string, flags: ImportFlags): Promise<void> {
  await withEdited(model, { ...flags, mode: 'write' }, async (edited) => {
    const { table, tokenizer, signal } = edited
    const { name, user } = flags
    const onProgress = hashing(edited)
    const applied = await loadPatch({ table }, file, { name, user, tokenizer, signal, onProgress })
    printChange('applied', [applied], edited, flags)
  })
}

const hashing =
  ({ show }: Edited) =>
  ({ rows, totalRows }: { readonly rows: number; readonly totalRows: number }): void =>
    show(`checking the table ${Math.round((100 * rows) / totalRows)}%`)

function printChange(
  what: 'applied' | 'undone',
  edits: readonly Applied[],
  { table }: Edited,
  { json, user }: Common,
): void {
  const overlays = editStack({ table }, { user })
  if (json) {
    process.stdout.write(`${JSON.stringify({ [what]: edits, overlays })}\n`)
    return
  }
  for (const { name, writes, version } of edits) {
    process.stdout.write(`${what} '${name}': ${writes.length} rows, version ${version}\n`)
  }
  const options = overlays.map((name) => ` --overlay ${name}`).join('')
  process.stdout.write(overlays.length > 0 ? `read by:${options}\n` : 'no edits are left\n')
}
