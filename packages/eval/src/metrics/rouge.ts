import { splitWords } from '../python/text.ts'

export interface RougeScore {
  readonly precision: number
  readonly recall: number
  readonly f: number
}

export interface RougeScores {
  readonly rouge1: RougeScore
  readonly rouge2: RougeScore
  /** Of the summary: the words of the longest common subsequences of all pairs of sentences. */
  readonly rougeL: RougeScore
}

/**
 * ROUGE as the Python package `rouge` 1.0.1 computes it, which LongBench uses: sentences end at full stops, words are what stands
 * between white space with their case and other punctuation, an n-gram counts once, and F has 1e-8 in its denominator.
 * Undefined where a text has no sentence, which that package refuses.
 * (That package also fails on sentences so long that they exhaust Python's stack; this does not.)
 */
export function rouge(prediction: string, reference: string): RougeScores | undefined {
  const [predicted, expected] = [sentencesOf(prediction), sentencesOf(reference)]
  if (predicted.length === 0 || expected.length === 0) return undefined
  return {
    rouge1: rougeN(predicted, expected, 1),
    rouge2: rougeN(predicted, expected, 2),
    rougeL: rougeL(predicted, expected),
  }
}

type Sentence = readonly string[]

/** Sentences as lists of words. One of white space only has the empty word. */
const sentencesOf = (text: string): Sentence[] =>
  text
    .split('.')
    .filter((sentence) => sentence !== '')
    .map((sentence) => splitWords(sentence).join(' ').split(' '))

function rougeN(predicted: readonly Sentence[], expected: readonly Sentence[], n: number): RougeScore {
  const [ours, theirs] = [ngrams(predicted.flat(), n), ngrams(expected.flat(), n)]
  return score([...ours].filter((ngram) => theirs.has(ngram)).length, ours.size, theirs.size)
}

/** The different n-grams, as text; words have no spaces inside. */
const ngrams = (words: readonly string[], n: number) =>
  new Set(Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n).join(' ')))

function rougeL(predicted: readonly Sentence[], expected: readonly Sentence[]): RougeScore {
  const common = new Set<string>()
  for (const reference of expected) {
    for (const sentence of predicted) for (const word of commonSubsequence(reference, sentence)) common.add(word)
  }
  return score(common.size, new Set(predicted.flat()).size, new Set(expected.flat()).size)
}

function score(common: number, predicted: number, expected: number): RougeScore {
  const precision = predicted === 0 ? 0 : common / predicted
  const recall = expected === 0 ? 0 : common / expected
  return { precision, recall, f: 2 * ((precision * recall) / (precision + recall + 1e-8)) }
}

/** The words of one longest common subsequence. Which one it is where there are several follows the `rouge` package. */
function commonSubsequence(a: Sentence, b: Sentence): string[] {
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      lengths[i * width + j] = a[i - 1] === b[j - 1] ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1))
    }
  }
  const words: string[] = []
  for (let i = a.length, j = b.length; i > 0 && j > 0;) {
    const word = a[i - 1] ?? ''
    if (word === b[j - 1]) {
      words.push(word)
      i--
      j--
    } else if (at(i - 1, j) > at(i, j - 1)) i--
    else j--
  }
  return words
}
