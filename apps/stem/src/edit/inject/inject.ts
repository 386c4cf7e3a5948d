import { availableParallelism } from 'node:os'
import { applyEdit, editStack, planEdit, type Edit } from '@stemkit/edit'
import { loadModel } from '@stemkit/generate/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { FitReport } from '@stemkit/train'
import { writeFileAtomically } from '@stemkit/weights/node'
import { openEngine } from '../../engines.ts'
import { readBackbone } from '../../inspect/open-model.ts'
import { encodeTexts, readTexts } from '../../inspect/texts.ts'
import { show } from '../../inspect/show.ts'
import { tokensOption } from '../read-edits.ts'
import { withEdited, type Edited } from '../open-edited.ts'
import { tokenNames } from '../token-names.ts'
import { injectStatements } from './injector.ts'
import { injectReport, injectTables } from './inject-report.ts'
import { readSentence, type Sentence } from './statements.ts'
import type { InjectFlags } from '../verbs.ts'

/** What the command prints. */
export interface InjectFindings {
  readonly model: string
  readonly name: string
  readonly sentences: readonly Sentence[]
  readonly tokens: readonly { readonly token: number; readonly text: string }[]
  readonly report: FitReport
  /** Where the edit went: a file, or the overlay that requests name. */
  readonly file?: string
  readonly overlay?: string
}

/** Fits rows until the model says what statements say, and keeps them as an edit. */
export async function injectRows(folder: string, flags: InjectFlags): Promise<void> {
  const { out, json, html } = flags
  const sentences = flags.statement.map((text) => readSentence(text, flags.target))
  const state: { fitted?: InjectFindings & { readonly edit: Edit } } = {}
  await withEdited(folder, { ...flags, mode: out === undefined ? 'read' : 'look' }, async (edited) => {
    state.fitted = await fit(folder, flags, sentences, edited)
  })
  const { edit, ...found } = state.fitted!
  const findings = { ...found, ...(await keep(folder, edit, flags)) }
  const shown = { data: findings, tables: injectTables(findings), report: () => injectReport(findings) }
  await show(shown, { ...(json && { json }), ...(html !== undefined && { html }) })
}

async function fit(
  folder: string,
  flags: InjectFlags,
  sentences: readonly Sentence[],
  { table, tokenizer, open, custom, signal, show: say }: Edited,
): Promise<InjectFindings & { readonly edit: Edit }> {
  if (!tokenizer) throw new StemkitError('bad-input', 'edit: the model has no tokenizer to read a statement')
  const { store, user, name, subject, text, budget, threads = availableParallelism() } = flags
  const texts = text && encodeTexts(tokenizer, await readTexts(text, signal))
  const model = await loadModel(folder, { store, budget, openRows: open, custom, signal, threads, slots: 1 })
  try {
    const fitted = await injectStatements(
      {
        model,
        backbone: await readBackbone(folder, { custom, signal }),
        table,
        stack: editStack({ table }, { user }),
        tokenizer,
        engine: await openEngine('compiled', threads),
        texts,
        flags,
        signal,
      },
      {
        name,
        sentences,
        subject: tokensOption(subject),
        onProgress: ({ step, target }) => say(`step ${step}: ${target.toFixed(3)} nats a target token`),
      },
    )
    const nameOf = tokenNames(tokenizer)
    const tokens = fitted.tokens.map((token) => ({ token, text: nameOf(token) }))
    return { model: folder, name, sentences, tokens, report: fitted.report, edit: fitted.edit }
  } finally {
    await model.dispose()
  }
}

/** Writes the edit to the file that is asked for, or applies it. */
async function keep(
  folder: string,
  edit: Edit,
  { out, ...flags }: InjectFlags,
): Promise<Pick<InjectFindings, 'file' | 'overlay'>> {
  if (out !== undefined) {
    await writeFileAtomically(out, new TextEncoder().encode(`${JSON.stringify(edit)}\n`))
    return { file: out }
  }
  const state: { overlay?: string } = {}
  await withEdited(folder, { ...flags, mode: 'write' }, async ({ table, signal }) => {
    const applied = await applyEdit({ table }, planEdit(edit, { table }), { user: flags.user, signal })
    state.overlay = applied.overlay
  })
  return { overlay: state.overlay! }
}
