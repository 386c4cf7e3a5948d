import type { Tokenizer } from '@stemkit/spec/tokenizer'

/** Text of tokens that arrive one by one. */
export interface TextStream {
  /** The text that became certain with this token: '' while a character is half there. */
  push(id: number): string
  /** What is still held back, where no more tokens come. */
  flush(): string
}

/** What decoders put where bytes are no character, or not yet one. */
const REPLACEMENT = '\uFFFD'

/**
 * Decodes tokens as they come. A character may take several tokens, so text is held back while it ends in bytes that are
 * no character; and a token's text may depend on the one before it (the first token of a text loses its leading space), so
 * new tokens are decoded together with the last ones given out. `context`: the tokens that the new ones continue.
 */
export function createTextStream(tokenizer: Pick<Tokenizer, 'decode'>, context: readonly number[] = []): TextStream {
  let given = [...context]
  let pending: number[] = []

  const take = (all: string): string => {
    const before = tokenizer.decode(given)
    // A prompt may end in half a character, which is now complete.
    const whole = all.startsWith(before) ? before : before.replace(/\uFFFD+$/u, '')
    // To some decoders later bytes turn an earlier character into nonsense. It stays as it was given out.
    const text = all.startsWith(whole) ? all.slice(whole.length) : tokenizer.decode(pending)
    const alone = text !== '' && whole === before
    given = alone ? pending : [...given, ...pending]
    pending = []
    return text
  }

  return {
    push(id) {
      pending.push(id)
      const all = tokenizer.decode([...given, ...pending])
      return all.endsWith(REPLACEMENT) ? '' : take(all)
    },
    flush: () => (pending.length === 0 ? '' : take(tokenizer.decode([...given, ...pending]))),
  }
}
