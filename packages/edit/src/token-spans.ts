import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { Edit, Tokens } from './edit.ts'

/** The tokens of an edit where its texts stand in one of the ways that it asks for. */
export interface Spans {
  readonly source: readonly number[]
  /** Empty where the edit has no target. */
  readonly target: readonly number[]
  /** How texts stand there; undefined for an edit by ids. */
  readonly spaces?: 'with' | 'without'
}

/**
 * The tokens of source and target: one pair for each way that a text stands, if these differ.
 * @throws bad-input for a text without a tokenizer, or that has no tokens
 */
export function spansOf(edit: Edit, tokenizer: Tokenizer | undefined): Spans[] {
  const target = 'target' in edit ? edit.target : undefined
  if (typeof edit.source !== 'string' && typeof target !== 'string') {
    return [{ source: edit.source, target: target ?? [] }]
  }
  if (!tokenizer) {
    throw new StemkitError('bad-input', `edit '${edit.name}': it names texts; give a tokenizer, or ids of tokens`)
  }
  const idsOf = (tokens: Tokens, spaces: 'with' | 'without'): readonly number[] => {
    if (typeof tokens !== 'string') return tokens
    const ids = spaces === 'with' ? afterSpace(tokenizer, tokens) : Array.from(tokenizer.encode(tokens))
    if (ids.length > 0) return ids
    throw new StemkitError('bad-input', `edit '${edit.name}': ${JSON.stringify(tokens)} has no tokens`)
  }
  const ways = edit.spaces === 'both' ? (['with', 'without'] as const) : [edit.spaces]
  const spans = ways.map((spaces) => ({
    source: idsOf(edit.source, spaces),
    target: target === undefined ? [] : idsOf(target, spaces),
    spaces,
  }))
  const [first, second] = spans
  // Where every text is given a space before it there is only one way.
  if (second && `${first!.source}` === `${second.source}` && `${first!.target}` === `${second.target}`) return [first!]
  return spans
}

/** The tokens of a text behind another word: some tokenizers begin every text as if a space stood before it. */
function afterSpace(tokenizer: Tokenizer, text: string): number[] {
  const before = Array.from(tokenizer.encode('a'))
  const both = Array.from(tokenizer.encode(`a ${text}`))
  const isKept = before.every((id, i) => both[i] === id)
  return isKept ? both.slice(before.length) : Array.from(tokenizer.encode(` ${text}`))
}

/** Where `sought` stands in `ids`, from left to right, no two of them overlapping. */
export function findSpans(ids: readonly number[], sought: readonly number[]): number[] {
  const starts: number[] = []
  for (let at = 0; at + sought.length <= ids.length; at++) {
    if (!sought.every((id, i) => ids[at + i] === id)) continue
    starts.push(at)
    at += sought.length - 1
  }
  return starts
}
