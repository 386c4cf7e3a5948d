import type { RowOptions } from '@stemkit/spec/row-driver'
import { StemkitError } from '@stemkit/spec/errors'
import type { Edit, EditInput } from '../edit.ts'
import { planEdit, type PlanOptions, type RowEditPlan } from '../plan-edit.ts'
import type { EditCase } from './cases/edit-case.ts'
import type { Donor } from './find-donor.ts'

/** How cases become edits. */
export interface CaseEditOptions extends RowOptions {
  /**
   * `rows`: the subject gets the rows of somebody of whom the new answer is true. `inject`: its rows are fitted. `either`:
   * fitted where there is nobody, or rows cannot express it. Default `rows`.
   */
  readonly by?: 'rows' | 'inject' | 'either' | undefined
  /** Strategy, layers and so on of row edits. Default: overwrite, one to one, copying or the first. */
  readonly edit?: Omit<EditInput, 'name' | 'source' | 'target' | 'vector' | 'values'> | undefined
  /** Fits rows of a case's subject; `fitRows` of `@stemkit/train` can. */
  readonly inject?: ((wanted: EditCase, name: string, options: RowOptions) => Promise<Edit>) | undefined
}

/** An edit for a case. */
export interface PlannedCase {
  readonly plan: RowEditPlan
  readonly made: 'rows' | 'inject'
  readonly donor?: Donor | undefined
}

/** Why a case was left out. */
export type SkipReason = 'no answer' | 'no donor' | 'refused' | 'not injected' | 'too long'

export interface SkippedCase {
  readonly id: string
  readonly subject: string
  readonly reason: SkipReason
  readonly message: string
}

const DEFAULT_STRATEGY = ['one_to_one', 'copying', 'subset_first'] as const

export type Refused = Pick<SkippedCase, 'reason' | 'message'>

/** Plans the edit of a case, or says why there can be none. */
export async function planCase(
  wanted: EditCase,
  name: string,
  {
    donorOf,
    by = 'rows',
    edit = {},
    inject,
    table,
    tokenizer,
    signal,
  }: CaseEditOptions & PlanOptions & { readonly donorOf: (wanted: EditCase) => Donor | undefined },
): Promise<PlannedCase | Refused> {
  if (by !== 'rows' && !inject) {
    throw new StemkitError('bad-input', "measure: give 'inject', which fits the rows of a case")
  }
  const { subject, answer } = wanted
  if (answer.trim() === '') return { reason: 'no answer', message: 'the file has no new answer' }
  let refused: Refused = { reason: 'no donor', message: `nobody is known of whom '${answer}' is true` }
  const donor = by === 'inject' ? undefined : donorOf(wanted)
  if (donor) {
    const asked = { strategy: DEFAULT_STRATEGY, ...edit, name, source: subject, target: donor.subject }
    const planned = await unlessRefused('refused', async () => planEdit(asked, { table, tokenizer }))
    if (!('reason' in planned)) return { plan: planned, made: 'rows', donor }
    refused = planned
  }
  if (by === 'rows') return refused
  const fitted = await unlessRefused('not injected', async () =>
    planEdit(await inject!(wanted, name, signal ? { signal } : {}), { table, tokenizer }),
  )
  return 'reason' in fitted ? fitted : { plan: fitted, made: 'inject' }
}

/** What makes no sense for one case is no reason not to measure the others. */
export async function unlessRefused<T>(reason: SkipReason, work: () => Promise<T>): Promise<T | Refused> {
  try {
    return await work()
  } catch (error) {
    if (!StemkitError.isInstance(error) || (error.code !== 'bad-input' && error.code !== 'diverged')) throw error
    return { reason, message: error.message }
  }
}
