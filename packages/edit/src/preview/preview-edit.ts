import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowEditPlan } from '../plan-edit.ts'
import type { OccurrencePlan } from '../plan-occurrences.ts'
import type { EditedTable } from '../rows/stacked-rows.ts'
import { editStack, type UserOption } from '../stored/list-edits.ts'
import type { Continued, EditableModel, RowsInPlace } from './editable-model.ts'
import { placeOccurrences } from './place-occurrences.ts'
import { rowsInPlace, type InPlaceOptions } from './rows-in-place.ts'

export interface PreviewOptions extends RowOptions, UserOption {
  /** Tokens of each continuation. Default 16. */
  readonly maxTokens?: number | undefined
  /** How many of the likeliest next tokens of either side to compare, 1 to 20. Default 5. */
  readonly top?: number | undefined
}

/** How a prompt goes on, always the likeliest token. */
export interface Continuation {
  readonly inputIds: readonly number[]
  readonly tokens: readonly number[]
  readonly text: string
}

/** A token that may come next, and ln of its probability; undefined where it is none of the 20 likeliest. */
export interface NextToken {
  readonly token: number
  readonly before: number | undefined
  readonly after: number | undefined
}

/** A prompt over the rows as they are, and over those that the edit would make. */
export interface Preview {
  readonly before: Continuation
  readonly after: Continuation
  /** The likeliest next tokens of either side, likeliest first. */
  readonly next: readonly NextToken[]
}

const MOST = 20

/**
 * What a row edit would do to prompts, of token ids. Nothing is applied.
 * @throws what the model throws; bad-input for numbers that rows cannot hold
 */
export async function previewEdit(
  { edit, layers, rows }: RowEditPlan,
  model: EditableModel,
  prompts: readonly (readonly number[])[],
  { table, overlays, ...options }: EditedTable & PreviewOptions,
): Promise<Preview[]> {
  const edited = { table, overlays }
  const made = { ids: rows.map(({ token }) => token), recipes: rows, edit, layers }
  const reading = readingOf(edited, options)
  const [was, is] = [await rowsInPlace(edited, reading), await rowsInPlace(edited, { ...reading, made })]
  const previews: Preview[] = []
  for (const inputIds of prompts) {
    const before = await continued(model, { inputIds }, was, options)
    const after = await continued(model, { inputIds }, is, options)
    previews.push(compared(before, after, options))
  }
  return previews
}

/** The same for an occurrence edit or a text edit of its prompt. */
export async function previewOccurrences(
  plan: OccurrencePlan,
  model: EditableModel,
  { table, overlays, ...options }: EditedTable & PreviewOptions,
): Promise<Preview> {
  const edited = { table, overlays }
  const reading = readingOf(edited, options)
  const { rows, tableIds } = await placeOccurrences(edited, plan, reading)
  const before = await continued(model, { inputIds: plan.originalIds }, await rowsInPlace(edited, reading), options)
  const after = await continued(model, { inputIds: plan.inputIds, tableIds }, rows, options)
  return compared(before, after, options)
}

const readingOf = (edited: EditedTable, { user, signal }: PreviewOptions): InPlaceOptions => ({
  stack: editStack(edited, { user }),
  ...(signal && { signal }),
})

interface Prompt {
  readonly inputIds: readonly number[]
  readonly tableIds?: readonly number[]
}

async function continued(
  model: EditableModel,
  { inputIds, ...prompt }: Prompt,
  rows: RowsInPlace,
  { maxTokens = 16, signal }: PreviewOptions,
): Promise<Continuation & { readonly first: Continued | undefined }> {
  const cancel = signal ? { signal } : {}
  const asked = { ...prompt, rows, maxTokens, temperature: 0, topLogprobs: MOST, ...cancel } as const
  const pieces: Continued[] = []
  for await (const piece of model.generate(inputIds, asked)) pieces.push(piece)
  return {
    inputIds,
    tokens: pieces.map(({ token }) => token),
    text: pieces.map(({ text }) => text).join(''),
    first: pieces[0],
  }
}

type Run = Awaited<ReturnType<typeof continued>>

function compared(
  { first: one, ...before }: Run,
  { first: other, ...after }: Run,
  { top = 5 }: PreviewOptions,
): Preview {
  const likely = (piece: Continued | undefined) =>
    new Map(piece?.topLogprobs?.map(({ token, logprob }) => [token, logprob]))
  const [was, is] = [likely(one), likely(other)]
  const tokens = new Set([...[...was.keys()].slice(0, top), ...[...is.keys()].slice(0, top)])
  const next = [...tokens].map((token) => ({ token, before: was.get(token), after: is.get(token) }))
  const best = ({ before: a = -Infinity, after: b = -Infinity }: NextToken): number => Math.max(a, b)
  return { before, after, next: next.toSorted((a, b) => best(b) - best(a)) }
}
