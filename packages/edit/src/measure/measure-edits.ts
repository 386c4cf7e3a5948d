import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowsInPlace } from '../preview/editable-model.ts'
import { rowsInPlace } from '../preview/rows-in-place.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import type { EditCase, Fact } from './cases/edit-case.ts'
import { chooseCases } from './choose-cases.ts'
import { donorFinder, factsOf, type Donor } from './find-donor.ts'
import { measureSequence, type SequencePoint } from './measure-sequence.ts'
import type { MeasuredModel } from './measured-model.ts'
import { metricsOf, type CaseMetrics } from './metrics/metrics.ts'
import { summarizeCases, type MetricSummary } from './metrics/summarize-cases.ts'
import { tfidfSimilarity } from './metrics/tfidf.ts'
import { planCase, unlessRefused, type CaseEditOptions, type PlannedCase, type SkippedCase } from './plan-case.ts'
import { askQuestions, longestOf, prepareQuestions, type Reply } from './questions.ts'
import { measureWriting, prepareWriting, type WritingOptions } from './writing.ts'

export interface MeasureEditsOptions extends CaseEditOptions, RowOptions {
  readonly model: MeasuredModel
  /** The rows of the model's tables, which are only read. */
  readonly table: EditedTable['table']
  readonly tokenizer: Tokenizer
  /** Overlays under every edit, such as edits that are there already. */
  readonly stack?: readonly string[] | undefined
  /** What is true of others, beside what the cases say. */
  readonly facts?: readonly Fact[] | undefined
  /** So many cases, drawn by `seed`, in the order of the file. Default: all. */
  readonly limit?: number | undefined
  readonly seed?: number | undefined
  /** How texts are made for fluency and consistency; false: neither is measured. */
  readonly writing?: Omit<WritingOptions, 'seed'> | false | undefined
  /** Perplexity of held-out texts after so many edits, one over the other. */
  readonly sequence?: { readonly counts: readonly number[]; readonly texts: readonly (readonly number[])[] } | undefined
  readonly onProgress?: ((progress: MeasureProgress) => void) | undefined
  /** Given each case as soon as it is measured, for what should outlive a signal. */
  readonly onCase?: ((made: MeasuredCase) => void) | undefined
}

export interface MeasureProgress {
  readonly stage: 'cases' | 'sequence'
  readonly done: number
  readonly total: number
}

/** What an edit did to one case. */
export interface MeasuredCase {
  readonly id: string
  readonly subject: string
  readonly made: PlannedCase['made']
  readonly donor: Donor | undefined
  /** Tokens whose rows were changed. */
  readonly rows: number
  readonly before: CaseMetrics
  readonly after: CaseMetrics
}

export interface MeasuredEdits {
  /** Asked for. `measured` and `skipped` together are as many. */
  readonly cases: number
  readonly measured: readonly MeasuredCase[]
  readonly skipped: readonly SkippedCase[]
  readonly metrics: readonly MetricSummary[]
  readonly sequence: readonly SequencePoint[] | undefined
  /** Why there is no sequence, though it was asked for. */
  readonly sequenceFailure?: string
}

/**
 * Measures edits, case by case: the model as it is, then with the edit of this case and no other. An edit is made in memory for
 * the requests that ask about it, and nothing is written, so none can be seen by the next. A case that is refused is left out,
 * and a sequence that fails takes no case with it: both are said.
 * @throws bad-input for options that make no sense; what the model throws; the reason of `signal`
 */
export async function measureEdits(cases: readonly EditCase[], options: MeasureEditsOptions): Promise<MeasuredEdits> {
  const {
    model,
    table,
    tokenizer,
    stack = [],
    facts = [],
    limit,
    seed = 0,
    sequence,
    onProgress,
    onCase,
    signal,
  } = options
  const cancel = signal ? { signal } : {}
  const chosen = chooseCases(cases, limit, seed)
  const lengthOf = (subject: string): number => tokenizer.encode(` ${subject}`).length
  const donorOf = donorFinder([...facts, ...factsOf(cases)], lengthOf)
  const similarity = tfidfSimilarity(cases.flatMap(({ references }) => references))
  const writing = options.writing === false ? undefined : { ...options.writing, seed, similarity, ...cancel }
  const base = await rowsInPlace({ table }, { stack, ...cancel })

  const measured: MeasuredCase[] = []
  const skipped: SkippedCase[] = []
  const plans: PlannedCase['plan'][] = []
  for (const [index, wanted] of chosen.entries()) {
    signal?.throwIfAborted()
    onProgress?.({ stage: 'cases', done: index, total: chosen.length })
    const { id, subject } = wanted
    const questions = await prepareQuestions(model, wanted)
    const prompts = writing ? await prepareWriting(model, wanted) : []
    const longest = Math.max(longestOf(questions), ...prompts.map(({ ids }) => ids.length + 1))
    if (longest > model.maxLength) {
      const message = `a prompt and its answer have ${longest} tokens, the model takes ${model.maxLength}`
      skipped.push({ id, subject, reason: 'too long', message })
      continue
    }
    const planned = await planCase(wanted, `case-${index}`, { ...options, ...cancel, donorOf })
    if (!('plan' in planned)) {
      skipped.push({ id, subject, ...planned })
      continue
    }
    // Whether a table can hold the rows is known only once they are made.
    const made = await unlessRefused('refused', () =>
      measureCase({ wanted, planned, questions, prompts }, { ...options, base, writing }),
    )
    if ('reason' in made) {
      skipped.push({ id, subject, ...made })
      continue
    }
    plans.push(planned.plan)
    measured.push(made)
    onCase?.(made)
  }
  onProgress?.({ stage: 'cases', done: chosen.length, total: chosen.length })
  const found = { cases: chosen.length, measured, skipped, metrics: summarizeCases(measured) }
  if (!sequence) return { ...found, sequence: undefined }
  try {
    const points = await measureSequence(plans, {
      ...sequence,
      model,
      table,
      stack,
      ...cancel,
      onProgress: (done) => onProgress?.({ stage: 'sequence', done, total: plans.length }),
    })
    return { ...found, sequence: points }
  } catch (error) {
    signal?.throwIfAborted()
    // What was measured took long, and does not hang on what comes after.
    return { ...found, sequence: undefined, sequenceFailure: error instanceof Error ? error.message : String(error) }
  }
}

/** Asks about one case over the rows as they are, and over those of its edit. */
async function measureCase(
  {
    wanted,
    planned: { plan, made, donor },
    questions,
    prompts,
  }: {
    readonly wanted: EditCase
    readonly planned: PlannedCase
    readonly questions: Awaited<ReturnType<typeof prepareQuestions>>
    readonly prompts: Awaited<ReturnType<typeof prepareWriting>>
  },
  {
    model,
    table,
    stack = [],
    base,
    writing,
    signal,
  }: Pick<MeasureEditsOptions, 'model' | 'table' | 'stack' | 'signal'> & {
    readonly base: RowsInPlace
    readonly writing: Omit<Parameters<typeof measureWriting>[2], 'references'> | undefined
  },
): Promise<MeasuredCase> {
  const cancel = signal ? { signal } : {}
  const ids = plan.rows.map(({ token }) => token)
  const changed = { ids, recipes: plan.rows, edit: plan.edit, layers: plan.layers }
  const sides = [base, await rowsInPlace({ table }, { stack, made: changed, ...cancel })].map((rows) =>
    model.over(rows),
  )
  const replies: Reply[][] = []
  const wrote: Pick<CaseMetrics, 'fluency' | 'consistency'>[] = []
  for (const side of sides) {
    replies.push(await askQuestions(side, questions, cancel))
    wrote.push(writing ? await measureWriting(side, prompts, { ...writing, references: wanted.references }) : {})
  }
  const [before, after] = replies as [Reply[], Reply[]]
  return {
    id: wanted.id,
    subject: wanted.subject,
    made,
    donor,
    rows: ids.length,
    before: { ...metricsOf(questions, before, before), ...wrote[0] },
    after: { ...metricsOf(questions, after, before), ...wrote[1] },
  }
}
