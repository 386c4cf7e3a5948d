import type { TokenizerJson } from './tokenizer-json.ts'

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/gu, String.raw`\$&`)

/** Cuts a text at its added tokens: texts at even places, ids of added tokens at odd ones. */
export type Sections = (text: string) => readonly (string | number)[]

/** How to find added tokens; undefined if some of them are to be matched after normalisation. */
export const sectionsOf = (json: TokenizerJson): Sections | undefined => {
  const tokens = json.added_tokens.filter((token) => token.content !== '')
  if (json.normalizer !== null && tokens.some((token) => token.normalized ?? !token.special)) return undefined
  if (tokens.length === 0) return (text) => [text]
  const byContent = new Map(tokens.map((token) => [token.content, token]))
  const longestFirst = [...byContent.keys()].toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(`(${longestFirst.map(escape).join('|')})`, 'u')
  return (text) => {
    const sections: (string | number)[] = text.split(pattern)
    for (let place = 1; place < sections.length; place += 2) {
      const token = byContent.get(String(sections[place]))
      if (token === undefined) continue
      sections[place] = token.id
      if (token.lstrip) sections[place - 1] = String(sections[place - 1]).replace(/\p{White_Space}+$/u, '')
      if (token.rstrip) sections[place + 1] = String(sections[place + 1]).replace(/^\p{White_Space}+/u, '')
    }
    return sections
  }
}
