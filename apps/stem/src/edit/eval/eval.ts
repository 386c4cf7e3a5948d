import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import {
  cutTexts,
  editStack,
  measureEdits,
  readCases,
  readFacts,
  summarizeCases,
  type CaseEditOptions,
  type CaseFormat,
  type Fact,
  type MeasuredCase,
  type MeasuredEdits,
  type MeasureProgress,
} from '@stemkit/edit'
import { languageModelOver, type Model } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { openEngine } from '../../engines.ts'
import { readBackbone } from '../../inspect/open-model.ts'
import { show } from '../../inspect/show.ts'
import { encodeTexts, readTexts } from '../../inspect/texts.ts'
import { injectStatements } from '../inject/injector.ts'
import { withEdited, type Edited } from '../open-edited.ts'
import { Interrupted } from '../../terminal/exit.ts'
import { evalReport, evalTables } from './eval-report.ts'
import type { EvalFlags } from '../verbs.ts'

/** What the command prints. */
export interface EvalFindings extends MeasuredEdits {
  readonly model: string
  readonly file: string
  readonly format: CaseFormat
  readonly by: EvalFlags['by']
  readonly seed: number
}

/** Measures edits and prints what they did. */
export async function evaluateEdits(folder: string, path: string, flags: EvalFlags): Promise<void> {
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
}

const progressText = ({ stage, done, total }: MeasureProgress): string =>
  stage === 'cases' ? `case ${done} of ${total}` : `edit ${done} of ${total} in sequence`

function editOptions({ operation, strategy, padId, layers, spaces, amount }: EvalFlags): CaseEditOptions['edit'] {
  return {
    operation,
    ...(operation !== 'mean' && { ...(strategy && { strategy }), ...(padId !== undefined && { padId }) }),
    ...(layers && { layers }),
    ...(spaces && { spaces }),
    ...(amount !== undefined && { amount }),
  }
}

function sequenceOf({ sequence }: EvalFlags, { maxLength }: Model, texts: readonly Uint32Array[] | undefined) {
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
  flags: EvalFlags,
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
