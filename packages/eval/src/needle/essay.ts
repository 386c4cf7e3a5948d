import { StemkitError } from '@stemkit/spec/errors'
import { SPACE_CLASS } from '../python/text.ts'
import type { RowSource } from '../tasks/rows.ts'

const spaces = new RegExp(`[${SPACE_CLASS}]+`, 'g')

/** The words of a text, as haystacks are made of them. */
export const essayWords = (text: string): string[] => text.replaceAll(spaces, ' ').split(' ')

/** Where lm-evaluation-harness has its essays from. */
const ESSAYS = { path: 'baber/paul_graham_essays', split: 'train' }

/**
 * The text of the haystacks of essays: what is given, else the essays of a data set, from its column `text`.
 * Throws where neither is at hand.
 */
export async function essayText(
  given: string | undefined,
  rows: RowSource | undefined,
  signal?: AbortSignal,
): Promise<string> {
  if (given !== undefined) return given
  const essays = await rows?.(ESSAYS, signal ? { signal } : {})
  if (essays && essays.length > 0) return essays.map(({ text }) => String(text)).join(' ')
  throw new StemkitError(
    'not-found',
    `haystacks of essays need a text, and the data set ${ESSAYS.path} is not at hand; pass a text of some 100,000 words, or the folder with the data set`,
  )
}
