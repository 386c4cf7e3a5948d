import {
  changesText,
  describeValue,
  expandText,
  planEdit,
  planOccurrences,
  type Edit,
  type OccurrencePlan,
  type RowEditPlan,
} from '@stemkit/edit'
import { StemkitError } from '@stemkit/spec/errors'
import type { EditFlags } from './edit-options.ts'
import { readEdits } from './read-edits.ts'
import { withEdited, type Edited } from './open-edited.ts'
import type { Common } from './options.ts'
import { tokenNames } from './token-names.ts'
import type { Kind, PromptFlags } from './verbs.ts'

/** Prints which rows would become which. */
export async function showPlans(
  model: string,
  path: string | undefined,
  flags: Common & EditFlags & PromptFlags,
): Promise<void> {
  const edits = await readEdits(path, flags)
  await withEdited(model, { ...flags, mode: 'look' }, async (edited) => {
    const plans = edits.flatMap((edit) => plansOf(edit, edited, flags))
    if (flags.json) process.stdout.write(`${JSON.stringify({ plans })}\n`)
    else for (const plan of plans) process.stdout.write(planText(plan, edited))
  })
}

/** Strategies that expand change the text, whether asked for or not. */
const kindOf = (edit: Edit, { kind }: PromptFlags): Kind =>
  kind ?? ('strategy' in edit && [edit.strategy].flat().every(changesText) ? 'text' : 'rows')

/** The plan of rows, or one for each prompt. */
export function plansOf(edit: Edit, edited: Edited, flags: PromptFlags): (RowEditPlan | OccurrencePlan)[] {
  const kind = kindOf(edit, flags)
  if (kind === 'rows') return [planEdit(edit, edited)]
  const prompts = promptIds(edited, flags)
  return prompts.map((ids) => (kind === 'text' ? expandText : planOccurrences)(edit, ids, edited))
}

/** @throws bad-input where there is no prompt, or no tokenizer to read it */
export function promptIds({ tokenizer }: Edited, { prompt = [] }: PromptFlags): number[][] {
  if (prompt.length === 0) throw new StemkitError('bad-input', 'edit: give a text by --prompt')
  if (!tokenizer) throw new StemkitError('bad-input', 'edit: the model has no tokenizer to read a prompt')
  return prompt.map((text) => Array.from(tokenizer.encode(text, { addSpecial: true })))
}

function planText(plan: RowEditPlan | OccurrencePlan, { tokenizer, table }: Edited): string {
  const nameOf = tokenNames(tokenizer)
  const { edit, layers } = plan
  const where = layers.length === table.layout.layers ? 'all layers' : `layers ${layers.join(' ')}`
  const lines =
    plan.kind === 'rows'
      ? plan.rows.map(({ token, value }) => `${nameOf(token)} <- ${describeValue(value, nameOf)}`)
      : plan.inputIds.map((token, at) => {
          const made = plan.made.find(({ position }) => position === at)
          const row = made ? describeValue(made.value, nameOf) : nameOf(plan.tableIds[at]!)
          return `${at} ${nameOf(token)}${row === nameOf(token) ? '' : ` <- ${row}`}`
        })
  const head = `${edit.name}: ${edit.operation}, ${plan.kind}, ${where}`
  return `${[head, ...lines.map((line) => `  ${line}`)].join('\n')}\n`
}
