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
import { Option, type Command } from 'commander'
import { readEdits, withEdit, type EditFlags } from './edit-options.ts'
import { withEdited, type Edited } from './open-edited.ts'
import { editVerb, several, type Common } from './options.ts'
import { tokenNames } from './token-names.ts'

const KINDS = ['rows', 'occurrences', 'text'] as const
export type Kind = (typeof KINDS)[number]

export interface PromptFlags {
  readonly prompt?: readonly string[]
  readonly kind?: Kind
}

export const kindOption = (): Option =>
  new Option(
    '--kind <kind>',
    "what is edited: rows, wherever their tokens stand, or these prompts' occurrences, or text (default: text for strategies that expand, else rows)",
  ).choices(KINDS)

export function planVerb(): Command {
  return withEdit(editVerb('plan', 'say which rows would become which, and change nothing', '{ plans }'))
    .option('--prompt <text>', 'with --kind occurrences or text: the prompt; may be given again', several)
    .addOption(kindOption())
    .action(async (model: string, path: string | undefined, flags: Common & EditFlags & PromptFlags) => {
      const edits = await readEdits(path, flags)
      await withEdited(model, { ...flags, mode: 'look' }, async (edited) => {
        const plans = edits.flatMap((edit) => plansOf(edit, edited, flags))
        if (flags.json) process.stdout.write(`${JSON.stringify({ plans })}\n`)
        else for (const plan of plans) process.stdout.write(planText(plan, edited))
      })
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
