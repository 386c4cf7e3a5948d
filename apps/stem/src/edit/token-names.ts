import type { Tokenizer } from '@stemkit/spec/tokenizer'

/** A token as a person reads it: ` Spain`, quoted, or its id where there is no tokenizer. */
export const tokenNames =
  (tokenizer: Tokenizer | undefined) =>
  (token: number): string =>
    tokenizer && token < tokenizer.vocabSize
      ? JSON.stringify(tokenizer.decode([token], { skipSpecial: false }))
      : `#${token}`
