import { byCodePoint } from '../python/text.ts'
import lists from './word-lists.json' with { type: 'json' }

/** Words in order, without repeats; there may be millions. */
export interface WordList {
  readonly size: number
  at(index: number): string
}

export function wordList(words: readonly string[]): WordList {
  const sorted = [...new Set(words)].toSorted(byCodePoint)
  return { size: sorted.length, at: (index) => sorted[index] ?? '' }
}

/**
 * Every adjective with every noun, a hyphen between them, in the order of the whole words. Nothing is put together before it is asked for.
 */
export function adjectiveNounPairs(adjectives: readonly string[], nouns: readonly string[]): WordList {
  const seconds = wordList(nouns)
  const parts = clusters(wordList(adjectives)).map((prefixes): WordList => {
    const [prefix = ''] = prefixes
    if (prefixes.length === 1) return { size: seconds.size, at: (index) => prefix + seconds.at(index) }
    return wordList(prefixes.flatMap((each) => Array.from({ length: seconds.size }, (_, i) => each + seconds.at(i))))
  })
  return {
    size: parts.reduce((size, part) => size + part.size, 0),
    at(index) {
      let rest = index
      for (const part of parts) {
        if (rest < part.size) return part.at(rest)
        rest -= part.size
      }
      return ''
    },
  }
}

let known: WordList | undefined

/** The words that RULER takes in lm-evaluation-harness: about six million pairs, from the lists of wonderwords. */
export const needleWords = (): WordList =>
  (known ??= adjectiveNounPairs(lists.adjectives.split(','), lists.nouns.split(',')))

/** First halves with their hyphen, in groups: only within a group can the words of one stand between those of another. */
function clusters(adjectives: WordList): string[][] {
  const groups: string[][] = []
  for (let i = 0; i < adjectives.size; i++) {
    const prefix = `${adjectives.at(i)}-`
    const last = groups.at(-1)
    if (last?.[0] !== undefined && prefix.startsWith(last[0])) last.push(prefix)
    else groups.push([prefix])
  }
  return groups
}
