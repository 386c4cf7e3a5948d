import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import {
  cutTexts,
  editStack,
  measureEdits,
  readCases,
  readFacts,
  STRATEGIES,
  summarizeCases,
  type CaseEditOptions,
  type CaseFormat,
  type Fact,
  type MeasuredCase,
  type MeasuredEdits,
  type MeasureProgress,
  type Strategy,
} from '@stemkit/edit'
import { languageModelOver, type Model } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { byteCount } from '../../commands/byte-option.ts'
import { number, wholeNumber } from '../../commands/number-option.ts'
import { openEngine } from '../../engines.ts'
import { readBackbone } from '../../inspect/open-model.ts'
import { show } from '../../inspect/show.ts'
import { encodeTexts, readTexts } from '../../inspect/texts.ts'
import { layerOption } from '../edit-options.ts'
import { withInjection, type InjectionFlags } from '../inject/injection-options.ts'
import { injectStatements } from '../inject/injector.ts'
import { withEdited, type Edited } from '../open-edited.ts'
import { editVerb, several, type Common } from '../options.ts'
import { Interrupted } from '../../terminal/exit.ts'
import { evalReport, evalTables } from './eval-report.ts'

interface Flags extends Common, InjectionFlags {
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

/** What the command prints. */
export interface EvalFindings extends MeasuredEdits {
  readonly model: string
  readonly file: string
  readonly format: CaseFormat
  readonly by: Flags['by']
  readonly seed: number
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
      new Option(
        '--strategy <name...>',
        'how unequal numbers of tokens are bridged, the first that suits (default: one_to_one copying subset_first)',
      ).choices(STRATEGIES),
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
  return withInjection(verb).action(async (folder: string, path: string, flags: Flags) => {
    const { format, cases } = readCases(await readText(path))
    const facts: Fact[] = []
    for (const file of flags.facts ?? []) facts.push(...readFacts(await readText(file)))
    await withEdited(folder, { ...flags, mode: 'look' }, async (edited) => {
      const { by, seed, limit, json, html } = flags
      const { table, open, custom, signal } = edited
      const { store, user, budget, threads = availableParallelism() } = flags
      const tokenizer = requireTokenizer(edited)
      const showFindings = async (found: MeasuredEdits): Promise<void> => {
        const findings: EvalFindings = { model: folder, file: path, format, by, seed, ...found }
        const shown = { data: findings, tables: evalTables(findings), report: () => evalReport(findings) }
        await show(shown, { ...(json && { json }), ...(html !== undefined && { html }) })
      }
      const texts = flags.text && encodeTexts(tokenizer, await readTexts(flags.text, signal), flags.textTokens)
      const model = await loadModel(folder, { store, budget, openRows: open, custom, signal, threads })
      const measured: MeasuredCase[] = []
      try {
        const stack = editStack({ table }, { user })
        const found = await measureEdits(cases, {
          model: { ...languageModelOver(model), over: (rows) => languageModelOver(model, { rows }) },
          table,
          stack,
          tokenizer,
          facts,
          by,
          edit: editOptions(flags),
          ...(by !== 'rows' && {
            inject: await openInjector(folder, flags, { ...edited, model, tokenizer, stack, texts }),
          }),
          limit,
          seed,
          writing: flags.writing && { maxTokens: flags.maxTokens, topK: flags.topK },
          sequence: sequenceOf(flags, model, texts),
          signal,
          onProgress: (progress) => edited.show(progressText(progress)),
          onCase: (made) => measured.push(made),
        })
        await showFindings(found)
      } catch (error) {
        if (!(error instanceof Interrupted) || measured.length === 0) throw error
        const { length } = measured
        await showFindings({
          cases: length,
          measured,
          skipped: [],
          metrics: summarizeCases(measured),
          sequence: undefined,
        })
        throw new Interrupted(`interrupted: shown is what was measured until then (cases: ${length})`)
      } finally {
        await model.dispose()
      }
    })
  })
}

const progressText = ({ stage, done, total }: MeasureProgress): string =>
  stage === 'cases' ? `case ${done} of ${total}` : `edit ${done} of ${total} in sequence`

function editOptions({ operation, strategy, padId, layers, spaces, amount }: Flags): CaseEditOptions['edit'] {
  return {
    operation,
    ...(operation !== 'mean' && { ...(strategy && { strategy }), ...(padId !== undefined && { padId }) }),
    ...(layers && { layers }),
    ...(spaces && { spaces }),
    ...(amount !== undefined && { amount }),
  }
}

function sequenceOf({ sequence }: Flags, { maxLength }: Model, texts: readonly Uint32Array[] | undefined) {
  if (!sequence) return undefined
  if (!texts) throw new StemkitError('bad-input', 'edit eval: --sequence needs a held-out text by --text')
  return {
    counts: sequence,
    texts: cutTexts(
      texts.map((text) => Array.from(text)),
      maxLength,
    ),
  }
}

async function openInjector(
  folder: string,
  flags: Flags,
  given: Edited & {
    readonly model: Model
    readonly tokenizer: Tokenizer
    readonly stack: readonly string[]
    readonly texts: readonly Uint32Array[] | undefined
  },
): Promise<NonNullable<CaseEditOptions['inject']>> {
  const backbone = await readBackbone(folder, given)
  const engine = await openEngine('compiled', flags.threads)
  return async ({ subject, prompt, answer }, name) => {
    const sentences = [{ prompt, target: answer }]
    return (await injectStatements({ ...given, backbone, engine, flags }, { name, sentences, subject })).edit
  }
}

function requireTokenizer({ tokenizer }: Edited): Tokenizer {
  if (tokenizer) return tokenizer
  throw new StemkitError('bad-input', 'edit: the model has no tokenizer to read cases')
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    const problem = isMissing ? 'there is no such file' : (cause as Error).message
    throw new StemkitError(isMissing ? 'not-found' : 'io', `${path}: ${problem}`, { cause })
  }
}

function counts(text: string): number[] {
  const parsed = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (parsed.every((count) => Number.isInteger(count) && count >= 0)) return parsed
  throw new InvalidArgumentError('It must be whole numbers, as in 1,10,100.')
}
