import type { AppliedEdit, Preview } from '@stemkit/edit'
import type { AppliedCard, PreviewCard } from '../schemas/edits.ts'

/** An edit as clients see it. */
export const cardOf = ({ name, user, overlay, number, current, edits, writes }: AppliedEdit): AppliedCard => ({
  name,
  user: user ?? null,
  overlay,
  number,
  current,
  operations: edits.map(({ operation }) => operation),
  rows: [...writes],
})

/** A preview as clients see it. */
export function previewCard({ before, after, next }: Preview, textOf: (token: number) => string): PreviewCard {
  const side = ({ inputIds, tokens, text }: Preview['before']) => ({
    prompt: [...inputIds],
    tokens: [...tokens],
    text,
  })
  return {
    before: side(before),
    after: side(after),
    next: next.map((each) => ({
      token: each.token,
      text: textOf(each.token),
      before: each.before ?? null,
      after: each.after ?? null,
    })),
  }
}
