import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
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
import { planCase, type CaseEditOptions, type PlannedCase, type SkippedCase } from './plan-case.ts'
import { askQuestions, longestOf, prepareQuestions } from './questions.ts'
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
}

/**
 * Measures edits, case by case: the model as it is, then with the edit of this case and no other. An edit is made in memory for
 * the requests that ask about it, and nothing is written, so none can be seen by the next.
 * @throws bad-input for options that make no sense; what the model throws; the reason of `signal`
 */
export async function measureEdits(cases: readonly EditCase[], options: MeasureEditsOptions): Promise<MeasuredEdits> {
  const { model, table, tokenizer, stack = [], facts = [], limit, seed = 0, sequence, onProgress, signal } = options
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
    const longest = longestOf(questions)
    if (longest > model.maxLength) {
      const message = `a question and its answer have ${longest} tokens, the model takes ${model.maxLength}`
      skipped.push({ id, subject, reason: 'too long', message })
      continue
    }
    const planned = await planCase(wanted, `case-${index}`, { ...options, ...cancel, donorOf })
    if (!('plan' in planned)) {
      skipped.push({ id, subject, ...planned })
      continue
    }
    const { plan, made, donor } = planned
    const ids = plan.rows.map(({ token }) => token)
    const changed = { ids, recipes: plan.rows, edit: plan.edit, layers: plan.layers }
    const views = [
      model.over(base),
      model.over(await rowsInPlace({ table }, { stack, made: changed, ...cancel })),
    ] as const
    const before = await askQuestions(views[0], questions, cancel)
    const after = await askQuestions(views[1], questions, cancel)
    const wrote: Pick<CaseMetrics, 'fluency' | 'consistency'>[] = [{}, {}]
    if (writing) {
      const prompts = await prepareWriting(model, wanted)
      for (const [i, view] of views.entries()) {
        const { fluency, consistency } = await measureWriting(view, prompts, {
          ...writing,
          references: wanted.references,
        })
        wrote[i] = { fluency, consistency }
      }
    }
    plans.push(plan)
    measured.push({
      id,
      subject,
      made,
      donor,
      rows: ids.length,
      before: { ...metricsOf(questions, before, before), ...wrote[0] },
      after: { ...metricsOf(questions, after, before), ...wrote[1] },
    })
  }
  onProgress?.({ stage: 'cases', done: chosen.length, total: chosen.length })
  const points =
    sequence &&
    (await measureSequence(plans, {
      ...sequence,
      model,
      table,
      ...cancel,
      onProgress: (done) => onProgress?.({ stage: 'sequence', done, total: plans.length }),
    }))
  return { cases: chosen.length, measured, skipped, metrics: summarizeCases(measured), sequence: points }
}
