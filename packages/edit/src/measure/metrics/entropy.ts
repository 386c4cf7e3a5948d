/**
 * How varied a text is, in bits: (2/3 H2 + 4/3 H3) / 2, of the entropies of its bigrams and trigrams of words. That is ROME's
 * `n_gram_entropy` (Meng et al., 2022; GEN of Zhang et al., 2018); a model that an edit has broken repeats itself, and
 * falls. Words are runs of letters and digits, and each other sign by itself; ROME splits by NLTK's tokenizer, which
 * differs in contractions and abbreviations. 0 for a text of one word.
 */
export function ngramEntropy(text: string): number {
  const words = text.match(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? []
  return (entropyOf(words, 2) * (2 / 3) + entropyOf(words, 3) * (4 / 3)) / 2
}

function entropyOf(words: readonly string[], n: number): number {
  const counts = new Map<string, number>()
  for (let at = 0; at + n <= words.length; at++) {
    const gram = words.slice(at, at + n).join(' ')
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  const total = words.length - n + 1
  let entropy = 0
  for (const count of counts.values()) entropy -= (count / total) * Math.log2(count / total)
  return entropy
}
