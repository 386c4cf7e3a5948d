import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'

export interface PromptReader {
  /** Tokens that a sequence may have. */
  readonly maxLength: number
  readonly tokenizer: Tokenizer | undefined
  /** Throws bad-input for ids that are no tokens. */
  check(tokens: readonly number[]): void
}

/**
 * The tokens of a text, or token ids as they are; of nothing, what texts start from.
 * @throws bad-input for what cannot be continued
 */
export function readPrompt(
  { tokenizer, maxLength, check }: PromptReader,
  prompt: string | readonly number[],
): readonly number[] {
  if (typeof prompt === 'string' && !tokenizer) {
    throw new StemkitError('bad-input', 'generate: the model has no tokenizer, so the prompt must be token ids')
  }
  const given = typeof prompt === 'string' ? Array.from(tokenizer!.encode(prompt, { addSpecial: true })) : prompt
  const tokens = given.length > 0 ? given : startsOf(tokenizer)
  if (tokens.length === 0) {
    throw new StemkitError(
      'bad-input',
      'generate: the prompt is empty and the tokenizer has no BOS to start from; give some text',
    )
  }
  if (tokens.length >= maxLength) {
    throw new StemkitError(
      'bad-input',
      `generate: the prompt has ${tokens.length} tokens, which leaves no room in a model of length ${maxLength}; shorten it to ${maxLength - 1} or less`,
    )
  }
  check(tokens)
  return tokens
}

/** What an empty text starts from: the token that stands before documents. */
export function startsOf(tokenizer: Tokenizer | undefined): readonly number[] {
  const start = tokenizer?.special.bos ?? tokenizer?.special.eos
  return start === undefined ? [] : [start]
}

/** EOS ends a text, and so does BOS: it begins the next one. */
export function endsOf(tokenizer: Tokenizer | undefined): number[] {
  const { bos, eos } = tokenizer?.special ?? {}
  return [bos, eos].filter((id) => id !== undefined)
}
