/**
 * How alike two texts are, 0 to 1: the cosine of their TF-IDF vectors, as ROME's `tfidf_similarity` (Meng et al., 2022). The
 * weights are scikit-learn's by default: counts of lower-case words of two letters or more, times
 * ln((1 + n) / (1 + df)) + 1 over n texts of which df have the word; words of none count as absent. 0 where one has
 * no known word.
 */
export function tfidfSimilarity(corpus: readonly string[]): (a: string, b: string) => number {
  const seenIn = new Map<string, number>()
  for (const text of corpus) for (const word of new Set(wordsOf(text))) seenIn.set(word, (seenIn.get(word) ?? 0) + 1)
  const weightOf = (word: string): number => Math.log((1 + corpus.length) / (1 + seenIn.get(word)!)) + 1
  const vectorOf = (text: string): Map<string, number> => {
    const vector = new Map<string, number>()
    for (const word of wordsOf(text)) {
      if (seenIn.has(word)) vector.set(word, (vector.get(word) ?? 0) + weightOf(word))
    }
    return vector
  }
  const norm = (vector: ReadonlyMap<string, number>): number =>
    Math.sqrt([...vector.values()].reduce((sum, value) => sum + value ** 2, 0))
  return (a, b) => {
    const [x, y] = [vectorOf(a), vectorOf(b)]
    let dot = 0
    for (const [word, value] of x) dot += value * (y.get(word) ?? 0)
    return dot === 0 ? 0 : dot / (norm(x) * norm(y))
  }
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? []
