import type { TokenizerJson } from './tokenizer-json.ts'

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/gu, String.raw`\$&`)

/** A text cut at its special tokens. */
export interface Sections {
  /** Whether the special tokens of this text only match themselves: none takes spaces with it. */
  plain(text: string): boolean
  /** Texts at even places, special tokens at odd ones. */
  cut(text: string): readonly string[]
}

/** How to find added tokens; undefined if some of them are to be matched after normalisation. */
export const sectionsOf = (json: TokenizerJson): Sections | undefined => {
  const tokens = json.added_tokens.filter((token) => token.content !== '')
  if (json.normalizer !== null && tokens.some((token) => token.normalized ?? !token.special)) return undefined
  const greedy = tokens.filter((token) => token.lstrip || token.rstrip).map((token) => token.content)
  if (tokens.length === 0) return { plain: () => true, cut: (text) => [text] }
  const longestFirst = tokens.map((token) => token.content).sort((a, b) => b.length - a.length)
  const pattern = new RegExp(`(${longestFirst.map(escape).join('|')})`, 'u')
  return {
    plain: (text) => !greedy.some((content) => text.includes(content)),
    cut: (text) => text.split(pattern),
  }
}
