import { rstrip } from '../python/text.ts'

/** What turns texts into tokens, with the tokenizer's own template around a text or without. */
export interface TextTokens {
  /** What stands before a text: BOS, or EOS where there is none. */
  readonly startToken?: number | undefined
  /** As the model is evaluated: with the tokenizer's template, unless the text begins with the start token itself. */
  encode(text: string): Promise<readonly number[]>
  /** Without any template. */
  encodePlain(text: string): Promise<readonly number[]>
}

/** A context and what follows it, as tokens. */
export interface TokenPair {
  readonly context: readonly number[]
  readonly continuation: readonly number[]
}

/** White space at the end of a context belongs to the continuation: tokenizers join it to the word that follows. */
export function moveSpace(context: string, continuation: string): { context: string; continuation: string } {
  const kept = rstrip(context)
  return { context: kept, continuation: context.slice(kept.length) + continuation }
}

/**
 * The tokens of a context and those that are added by its continuation, both being encoded as one text. Without a context, the
 * start token stands for it, once.
 */
export async function encodePair(tokens: TextTokens, context: string, continuation: string): Promise<TokenPair> {
  if (context === '') {
    const alone = await tokens.encodePlain(continuation)
    const { startToken } = tokens
    if (startToken === undefined) return { context: [], continuation: alone }
    const start = alone[0] === startToken ? 1 : 0
    return { context: [startToken], continuation: alone.slice(start) }
  }
  const moved = moveSpace(context, continuation)
  const before = await tokens.encode(moved.context)
  const whole = await tokens.encode(moved.context + moved.continuation)
  return { context: before, continuation: whole.slice(before.length) }
}
