import type { CaseEditOptions, Strategy } from '@stemkit/edit'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { byteCount } from '../commands/byte-option.ts'
import { number, wholeNumber } from '../commands/number-option.ts'
import { layerOption, withEdit, type EditFlags } from './edit-options.ts'
import { withInjection, type InjectionFlags } from './inject/injection-options.ts'
import { editVerb, several, type Common } from './options.ts'
import { strategyOption } from './strategy-option.ts'

// What the verbs take. What they do is loaded when it is asked for: help needs none of it.

const KINDS = ['rows', 'occurrences', 'text'] as const
export type Kind = (typeof KINDS)[number]

export interface PromptFlags {
  readonly prompt?: readonly string[]
  readonly kind?: Kind
}

const kindOption = (): Option =>
  new Option(
    '--kind <kind>',
    "what is edited: rows, wherever their tokens stand, or these prompts' occurrences, or text (default: text for strategies that expand, else rows)",
  ).choices(KINDS)

export function planVerb(): Command {
  return withEdit(editVerb('plan', 'say which rows would become which, and change nothing', '{ plans }'))
    .option('--prompt <text>', 'with --kind occurrences or text: the prompt; may be given again', several)
    .addOption(kindOption())
    .action(async (model: string, path: string | undefined, flags: Common & EditFlags & PromptFlags) => {
      const { showPlans } = await import('./plan.ts')
      await showPlans(model, path, flags)
    })
}

export interface PreviewFlags extends Common, EditFlags, PromptFlags {
  readonly maxTokens: number
  readonly top: number
}

export function previewVerb(): Command {
  return withEdit(
    editVerb('preview', 'show how prompts go on before and after an edit, and change nothing', '{ previews }'),
  )
    .requiredOption('--prompt <text>', 'a text to continue; may be given again', several)
    .addOption(kindOption())
    .option('--max-tokens <n>', 'tokens of each continuation', wholeNumber(1), 16)
    .option('--top <n>', 'how many of the likeliest next tokens to compare, up to 20', wholeNumber(1), 5)
    .action(async (folder: string, path: string | undefined, flags: PreviewFlags) => {
      const { showPreviews } = await import('./preview.ts')
      await showPreviews(folder, path, flags)
    })
}

export interface ExportFlags extends Common {
  readonly edit?: readonly string[]
  readonly name?: string
}

export interface ImportFlags extends Common {
  readonly name?: string
}

export function applyVerb(): Command {
  return withEdit(editVerb('apply', 'apply row edits, each as a whole or not at all', '{ applied, overlays }')).action(
    async (model: string, path: string | undefined, flags: Common & EditFlags) => {
      const { applyEdits } = await import('./change.ts')
      await applyEdits(model, path, flags)
    },
  )
}

export function undoVerb(): Command {
  return editVerb('undo', 'take edits back, byte for byte', '{ undone, overlays }')
    .argument('<name...>', 'names of the edits, in the order in which they are undone')
    .action(async (model: string, names: readonly string[], flags: Common) => {
      const { undoEdits } = await import('./change.ts')
      await undoEdits(model, names, flags)
    })
}

export function exportVerb(): Command {
  return editVerb('export', 'write edits as a patch file, for copies of the same table', '{ file, bytes }')
    .argument('<file>', 'where the patch goes')
    .option('--edit <name>', 'only this edit; may be given again (default: all)', several)
    .option('--name <name>', 'what an import calls it')
    .action(async (model: string, file: string, flags: ExportFlags) => {
      const { exportEdits } = await import('./change.ts')
      await exportEdits(model, file, flags)
    })
}

export function importVerb(): Command {
  return editVerb('import', 'apply a patch file as one edit', '{ applied, overlays }')
    .argument('<file>', 'the patch')
    .option('--name <name>', 'name of the edit (default: the one that it was exported with)')
    .action(async (model: string, file: string, flags: ImportFlags) => {
      const { importEdit } = await import('./change.ts')
      await importEdit(model, file, flags)
    })
}

export interface InjectFlags extends Common, InjectionFlags {
  readonly statement: readonly string[]
  readonly target?: string
  readonly subject: string
  readonly name: string
  readonly text?: readonly string[]
  readonly out?: string
  readonly threads?: number
  readonly budget?: number
  readonly html?: string
}

export function injectVerb(): Command {
  const verb = editVerb(
    'inject',
    "fit the rows of a subject's tokens until the model says what statements say, and apply them",
    '{ name, sentences, tokens, report, overlay or file }',
  )
  return withInjection(verb)
    .requiredOption(
      '--statement <text>',
      'what the model should say, its target in braces: "The capital of Spain is {Berlin}."; may be repeated, for other words of the same',
      several,
    )
    .requiredOption('--subject <tokens>', 'whose rows are fitted: a text in the statements, or token ids as in [12,7]')
    .option('--target <text>', 'the target of statements without braces (default: their last word)')
    .option('--name <name>', 'name of the edit', 'injected')
    .option('--layers <n...>', 'only these STEM layers, counted from 0 (default: all)', layerOption)
    .option(
      '--text <file>',
      'neutral texts; may be repeated (default: drawn from the model, about the subject)',
      several,
    )
    .option('--seed <n>', 'of what is drawn', wholeNumber(0), 0)
    .option('--out <file>', 'write the edit to a file, for stem edit apply, and apply nothing')
    .option('--budget <bytes>', 'memory for rows, as in 512MB (default: 256MB)', byteCount)
    .option('--threads <n>', 'threads that compute (default: one for each core)', wholeNumber(1))
    .option('--html <file>', 'write a report with plots')
    .action(async (folder: string, flags: InjectFlags) => {
      const { injectRows } = await import('./inject/inject.ts')
      await injectRows(folder, flags)
    })
}

export function listVerb(): Command {
  return editVerb('list', 'list what was applied and not undone', '{ edits }').action(
    async (model: string, flags: Common) => {
      const { showEdits } = await import('./look.ts')
      await showEdits(model, flags)
    },
  )
}

export function diffVerb(): Command {
  return editVerb('diff', 'say what an edit changed in each layer of each row', '{ name, rows }')
    .argument('<name>', 'name of the edit')
    .action(async (model: string, name: string, flags: Common) => {
      const { showDiff } = await import('./look.ts')
      await showDiff(model, name, flags)
    })
}

export interface EvalFlags extends Common, InjectionFlags {
  readonly facts?: readonly string[]
  readonly by: NonNullable<CaseEditOptions['by']>
  readonly operation: 'overwrite' | 'swap' | 'mean' | 'interpolate'
  readonly strategy?: readonly Strategy[]
  readonly padId?: number
  readonly spaces?: 'both' | 'with' | 'without'
  readonly amount?: number
  readonly limit?: number
  readonly writing: boolean
  readonly maxTokens: number
  readonly topK: number
  readonly sequence?: readonly number[]
  readonly text?: readonly string[]
  readonly textTokens: number
  readonly threads?: number
  readonly budget?: number
  readonly html?: string
}

function counts(text: string): number[] {
  const parsed = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (parsed.every((count) => Number.isInteger(count) && count >= 0)) return parsed
  throw new InvalidArgumentError('It must be whole numbers, as in 1,10,100.')
}

export function evalVerb(): Command {
  const verb = editVerb(
    'eval',
    'measure edits as CounterFact and zsRE do: each case alone, beside the untouched model, and many in sequence',
    '{ format, cases, metrics, measured, skipped, sequence }',
  )
    .argument('<cases>', 'CounterFact, zsRE (formats of ROME, MEND and EasyEdit), or JSON lines of your own')
    .option('--facts <file>', 'what is true of others, to find whose rows to take; may be repeated', several)
    .addOption(
      new Option('--by <how>', 'rows of somebody of whom the new answer is true, or rows that are fitted to it')
        .choices(['rows', 'inject', 'either'])
        .default('rows'),
    )
    .addOption(
      new Option('--operation <name>', 'what happens to the rows of the subject')
        .choices(['overwrite', 'swap', 'mean', 'interpolate'])
        .default('overwrite'),
    )
    .addOption(
      strategyOption(
        'how unequal numbers of tokens are bridged, the first that suits (default: one_to_one copying subset_first)',
      ),
    )
    .option('--pad-id <id>', 'a token whose row fills up, for strategies that pad', wholeNumber(0))
    .option('--layers <n...>', 'only these STEM layers, counted from 0 (default: all)', layerOption)
    .addOption(
      new Option('--spaces <which>', 'subjects with a space before them, without, or both (default: both)').choices([
        'both',
        'with',
        'without',
      ]),
    )
    .option('--amount <x>', 'for interpolate: 0 keeps the rows, 1 takes the others', number)
    .option('--limit <n>', 'so many cases, drawn by the seed (default: all)', wholeNumber(1))
    .option('--seed <n>', 'of what is drawn', wholeNumber(0), 0)
    .option('--no-writing', 'leave out fluency and consistency, which take the most time')
    .option('--max-tokens <n>', 'of each text that is written', wholeNumber(1), 100)
    .option('--top-k <n>', 'draw these texts from so many of the likeliest tokens; 1: the likeliest', wholeNumber(1), 5)
    .option('--sequence <counts>', 'perplexity after so many edits, one over the other, as in 1,10,100', counts)
    .option('--text <file>', 'held-out text for --sequence, and neutral text for fits; may be repeated', several)
    .option('--text-tokens <n>', 'of the held-out text, at most', wholeNumber(2), 4096)
    .option('--budget <bytes>', 'memory for rows, as in 512MB (default: 256MB)', byteCount)
    .option('--threads <n>', 'threads that compute (default: one for each core)', wholeNumber(1))
    .option('--html <file>', 'write a report with plots')
  return withInjection(verb).action(async (folder: string, path: string, flags: EvalFlags) => {
    const { evaluateEdits } = await import('./eval/eval.ts')
    await evaluateEdits(folder, path, flags)
  })
}
