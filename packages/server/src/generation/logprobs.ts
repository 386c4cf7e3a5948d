import { createTextStream } from '@stemkit/generate'
import type { Piece, TokenLogprob } from '@stemkit/generate'
import type { Served } from '../server-state.ts'
import type { ChatLogprobs } from '../schemas/chat.ts'
import type { CompletionLogprobs } from '../schemas/completions.ts'

/** A token with what might have stood in its place; of the first token of a text nothing is known. */
export interface ScoredToken {
  readonly token: number
  readonly logprob: number | null
  readonly topLogprobs: readonly TokenLogprob[] | undefined
}

/** Writes log-probabilities as /v1/completions does; each call goes on where the last one ended. */
export interface CompletionLogprobsWriter {
  write(tokens: readonly ScoredToken[]): CompletionLogprobs
}

/**
 * `context`: tokens before the first one, which are not part of the text. Offsets count UTF-16 units of the text, as its
 * clients index it. With `count` 0 there are no alternatives.
 */
export function completionLogprobsWriter(
  { model: { tokenizer }, tokenText }: Served,
  context: readonly number[],
  count: number,
): CompletionLogprobsWriter {
  const stream = tokenizer && createTextStream(tokenizer, context)
  let offset = 0
  return {
    write(tokens) {
      const written: CompletionLogprobs = {
        tokens: tokens.map(({ token }) => tokenText(token).text),
        token_logprobs: tokens.map(({ logprob }) => logprob),
        top_logprobs: count === 0 ? null : tokens.map((each) => alternatives(each, tokenText)),
        text_offset: [],
      }
      for (const { token } of tokens) {
        written.text_offset.push(offset)
        offset += stream?.push(token).length ?? 0
      }
      return written
    },
  }
}

/** By text; the token itself is always among them. */
function alternatives(
  { token, logprob, topLogprobs }: ScoredToken,
  tokenText: Served['tokenText'],
): Record<string, number> | null {
  if (logprob === null) return null
  const all: [string, number][] = []
  const named = new Set<string>()
  for (const each of [...(topLogprobs ?? []), { token, logprob }]) {
    const { text } = tokenText(each.token)
    if (!named.has(text)) all.push([text, each.logprob])
    named.add(text)
  }
  return Object.fromEntries(all)
}

/** One generated token as /v1/chat/completions writes it. */
export function chatLogprobs({ token, logprob, topLogprobs = [] }: Piece, { tokenText }: Served): ChatLogprobs {
  const entry = (each: TokenLogprob) => {
    const { text, bytes } = tokenText(each.token)
    return { token: text, logprob: each.logprob, bytes: bytes && [...bytes] }
  }
  return { content: [{ ...entry({ token, logprob }), top_logprobs: topLogprobs.map(entry) }], refusal: null }
}
