import {
  expandText,
  planEdit,
  planOccurrences,
  previewEdit,
  previewOccurrences,
  type EditedTable,
  type Preview,
} from '@stemkit/edit'
import type { z } from '@hono/zod-openapi'
import type { previewRequest } from '../schemas/edits.ts'
import type { Served } from '../server-state.ts'

export interface PreviewTask extends Omit<z.infer<typeof previewRequest>, 'prompts'> {
  readonly prompts: readonly { readonly tokens: readonly number[] }[]
  readonly signal: AbortSignal
}

/** What an edit of any kind would do to prompts. Nothing is applied. */
export async function previewsOf(
  { model }: Served,
  { table }: EditedTable,
  { edit, kind = 'rows', user, prompts, max_tokens: maxTokens, top, signal }: PreviewTask,
): Promise<Preview[]> {
  const how = { table, user, top, maxTokens, signal }
  const planning = { table, tokenizer: model.tokenizer }
  const ids = prompts.map(({ tokens }) => tokens)
  if (kind === 'rows') return previewEdit(planEdit(edit, planning), model, ids, how)
  const plan = kind === 'text' ? expandText : planOccurrences
  const previews: Preview[] = []
  for (const tokens of ids) previews.push(await previewOccurrences(plan(edit, tokens, planning), model, how))
  return previews
}
