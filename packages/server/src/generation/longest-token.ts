import type { Tokenizer } from '@stemkit/spec/tokenizer'

const known = new WeakMap<Tokenizer, number>()

/** Characters of a tokenizer's longest token: no token stands for more of a text. */
export function longestToken(tokenizer: Tokenizer): number {
  let longest = known.get(tokenizer)
  if (longest === undefined) {
    longest = 1
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      longest = Math.max(longest, tokenizer.idToToken(id)?.length ?? 0)
    }
    known.set(tokenizer, longest)
  }
  return longest
}
