import { applyEdit, editStack, planEdit, undoEdit, type Applied } from '@stemkit/edit'
import { loadPatch, savePatch } from '@stemkit/edit/node'
import type { Command } from 'commander'
import { readEdits, withEdit, type EditFlags } from './edit-options.ts'
import { withEdited, type Edited } from './open-edited.ts'
import { editVerb, several, type Common } from './options.ts'

export function applyVerb(): Command {
  return withEdit(editVerb('apply', 'apply row edits, each as a whole or not at all', '{ applied, overlays }')).action(
    async (model: string, path: string | undefined, flags: Common & EditFlags) => {
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
    },
  )
}

export function undoVerb(): Command {
  return editVerb('undo', 'take edits back, byte for byte', '{ undone, overlays }')
    .argument('<name...>', 'names of the edits, in the order in which they are undone')
    .action(async (model: string, names: readonly string[], flags: Common) => {
      await withEdited(model, { ...flags, mode: 'write' }, async (edited) => {
        const { user } = flags
        const { table, signal } = edited
        const undone: Applied[] = []
        for (const name of names) undone.push(await undoEdit({ table }, name, { user, signal }))
        printChange('undone', undone, edited, flags)
      })
    })
}

export function exportVerb(): Command {
  interface Flags extends Common {
    readonly edit?: readonly string[]
    readonly name?: string
  }
  return editVerb('export', 'write edits as a patch file, for copies of the same table', '{ file, bytes }')
    .argument('<file>', 'where the patch goes')
    .option('--edit <name>', 'only this edit; may be given again (default: all)', several)
    .option('--name <name>', 'what an import calls it')
    .action(async (model: string, file: string, { edit: edits, name, user, ...flags }: Flags) => {
      await withEdited(model, { ...flags, mode: 'read' }, async (edited) => {
        const { table, tokenizer, signal } = edited
        const onProgress = hashing(edited)
        const bytes = await savePatch({ table }, file, { edits, name, user, tokenizer, signal, onProgress })
        process.stdout.write(flags.json ? `${JSON.stringify({ file, bytes })}\n` : `${file}: ${bytes} bytes\n`)
      })
    })
}

export function importVerb(): Command {
  interface Flags extends Common {
    readonly name?: string
  }
  return editVerb('import', 'apply a patch file as one edit', '{ applied, overlays }')
    .argument('<file>', 'the patch')
    .option('--name <name>', 'name of the edit (default: the one that it was exported with)')
    .action(async (model: string, file: string, flags: Flags) => {
      await withEdited(model, { ...flags, mode: 'write' }, async (edited) => {
        const { table, tokenizer, signal } = edited
        const { name, user } = flags
        const onProgress = hashing(edited)
        const applied = await loadPatch({ table }, file, { name, user, tokenizer, signal, onProgress })
        printChange('applied', [applied], edited, flags)
      })
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
