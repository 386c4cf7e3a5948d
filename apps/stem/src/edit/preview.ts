import { previewEdit, previewOccurrences, type Preview } from '@stemkit/edit'
import { loadModel } from '@stemkit/generate/node'
import { alignColumns } from '../terminal/table.ts'
import { readEdits } from './read-edits.ts'
import { withEdited, type Edited } from './open-edited.ts'
import { plansOf, promptIds } from './plan.ts'
import { tokenNames } from './token-names.ts'
import type { PreviewFlags } from './verbs.ts'

/** Prints how prompts go on before and after edits. */
export async function showPreviews(folder: string, path: string | undefined, flags: PreviewFlags): Promise<void> {
  const edits = await readEdits(path, flags)
  await withEdited(folder, { ...flags, mode: 'look' }, async (edited) => {
    const { open, custom, signal, table } = edited
    const { maxTokens, top, user, store } = flags
    const how = { table, maxTokens, top, user, signal }
    const planned = edits.flatMap((edit) => plansOf(edit, edited, flags))
    const prompts = promptIds(edited, flags)
    const model = await loadModel(folder, { store, openRows: open, custom, signal, slots: 1 })
    try {
      const previews: (Preview & { readonly name: string; readonly kind: string })[] = []
      for (const plan of planned) {
        const { kind, edit } = plan
        const shown =
          plan.kind === 'rows'
            ? await previewEdit(plan, model, prompts, how)
            : [await previewOccurrences(plan, model, how)]
        previews.push(...shown.map((each) => ({ name: edit.name, kind, ...each })))
      }
      if (flags.json) process.stdout.write(`${JSON.stringify({ previews })}\n`)
      else process.stdout.write(previews.map((each) => previewText(each, edited)).join('\n'))
    } finally {
      await model.dispose()
    }
  })
}

function previewText(
  { name, before, after, next }: Preview & { readonly name: string },
  { tokenizer }: Edited,
): string {
  const nameOf = tokenNames(tokenizer)
  const chance = (logprob: number | undefined): string => (logprob === undefined ? '-' : Math.exp(logprob).toFixed(4))
  const text = (ids: readonly number[]): string => JSON.stringify(tokenizer?.decode(ids, { skipSpecial: false }) ?? ids)
  const isSame = `${before.inputIds}` === `${after.inputIds}`
  const columns = alignColumns({
    head: ['next', 'before', 'after'],
    rows: next.map((each) => [nameOf(each.token), chance(each.before), chance(each.after)]),
  })
  const lines = [
    `${name}: ${text(before.inputIds)}${isSame ? '' : ` as ${text(after.inputIds)}`}`,
    `  before  ${JSON.stringify(before.text)}`,
    `  after   ${JSON.stringify(after.text)}`,
    ...columns.map((line) => `  ${line}`),
  ]
  return `${lines.join('\n')}\n`
}
