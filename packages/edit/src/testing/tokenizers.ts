import { END_OF_TEXT, gpt2TokenizerJson, loadTokenizer, type Tokenizer } from '@stemkit/tokenizer'

/** In GPT-2's manner: a space belongs to the word behind it, and is another token than the word without one. */
export function spacedTokenizer(words: readonly string[]): Tokenizer {
  const pieces = new Set<string>(['\u0120', ...words.join('')])
  const merges: string[] = []
  const join = (left: string, right: string): string => {
    if (!pieces.has(left + right)) merges.push(`${left} ${right}`)
    pieces.add(left + right)
    return left + right
  }
  for (const word of words) join('\u0120', [...word].reduce(join))
  const tokens = [...pieces, END_OF_TEXT]
  return loadTokenizer(gpt2TokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), merges.join('\n')))
}
