import { strip } from '../python/text.ts'
import { sequenceRatio } from './sequence-matcher.ts'

/** How alike two texts are, from 0 to 1. */
export type Similarity = (a: string, b: string) => number

/**
 * LongBench's score of a line of code: the first line of the prediction that has neither a backtick nor `#` nor `//`, compared with the
 * reference by fuzzywuzzy's `ratio`, which rounds to hundredths. Line ends before the first line do not count.
 * @param similarity `sequenceRatio` is what fuzzywuzzy takes by itself, `levenshteinRatio` where python-Levenshtein is installed
 * @param skipsBlankLines whether a line of white space only is passed over, as in lm-evaluation-harness; in LongBench itself it is not
 */
export function codeSimilarity(
  prediction: string,
  reference: string,
  similarity: Similarity = sequenceRatio,
  skipsBlankLines = true,
): number {
  const lines = prediction.replace(/^\n+/, '').split('\n')
  const line = lines.find((text) => !/`|#|\/\//.test(text) && !(skipsBlankLines && strip(text) === '')) ?? ''
  return line === reference ? 1 : roundHalfEven(100 * similarity(line, reference)) / 100
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value)
  if (value - below !== 0.5) return Math.round(value)
  return below % 2 === 0 ? below : below + 1
}

/**
 * `Levenshtein.ratio`: 1 less the insertions and deletions from one text to the other over the characters of both; a replacement is
 * one of each. 1 for two empty texts.
 */
export function levenshteinRatio(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  const total = left.length + right.length
  if (total === 0) return 1
  const edits = total - 2 * commonLength(left, right)
  return (total - edits) / total
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  const lengths = new Uint32Array(b.length + 1)
  for (const character of a) {
    let diagonal = 0
    for (let j = 1; j <= b.length; j++) {
      const above = lengths[j] ?? 0
      lengths[j] = character === b[j - 1] ? diagonal + 1 : Math.max(above, lengths[j - 1] ?? 0)
      diagonal = above
    }
  }
  return lengths[b.length] ?? 0
}
