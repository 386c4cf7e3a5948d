import { StemkitError } from '@stemkit/spec/errors'
import { splitSentences } from './question.ts'

/** A fact to be hidden, and how it is asked for. */
export interface NeedleFact {
  /** A sentence. */
  readonly needle: string
  readonly question: string
  /** What an answer must contain. */
  readonly answers: readonly string[]
}

/** A text of a length with the fact at a depth: a row of the data set. */
export interface GridRow {
  readonly index: number
  readonly input: string
  readonly outputs: readonly string[]
  /** Tokens that were asked for. */
  readonly target_length: number
  /** Where the needle was to be, from 0 at the beginning of the text to 100 at its end. */
  readonly depth: number
  /** Tokens of the input and room for the answer. */
  readonly length: number
}

export interface GridOptions {
  readonly fact: NeedleFact
  /** Text of the haystack; it begins anew where it is too short. */
  readonly essay: string
  /** Tokens of a question with its answer. */
  readonly lengths: readonly number[]
  /** In percent of the text. */
  readonly depths: readonly number[]
  /** Tokens kept free for the answer. */
  readonly answerTokens: number
  readonly countTokens: (text: string) => number | Promise<number>
  readonly signal?: AbortSignal
}

/**
 * The needle in a haystack, depth by length: for each length as many whole sentences as fit, and the needle between two of them, where
 * the share of the text that its depth says is before it. Lengths are in order, and depths within each.
 * Throws where a length leaves no room for the question.
 */
export async function gridRows(options: GridOptions): Promise<GridRow[]> {
  const { fact, lengths, depths, answerTokens, countTokens, signal } = options
  const hay = endlessSentences(options.essay)
  const rows: GridRow[] = []
  for (const target of lengths) {
    const count = await largestFitting(async (sentences) => {
      signal?.throwIfAborted()
      return (await countTokens(gridText(hay(sentences), fact, 50))) + answerTokens <= target
    })
    if (count === undefined) {
      throw new StemkitError('bad-input', `a text of ${target} tokens has no room for the needle and its question`)
    }
    for (const depth of depths) {
      signal?.throwIfAborted()
      let [sentences, input, length] = [count, '', Infinity]
      // At another depth the same text may have a token more.
      for (; length > target && sentences >= 0; sentences--) {
        input = gridText(hay(sentences), fact, depth)
        length = (await countTokens(input)) + answerTokens
      }
      rows.push({ index: rows.length, input, outputs: fact.answers, target_length: target, depth, length })
    }
  }
  return rows
}

function gridText(sentences: readonly string[], { needle, question }: NeedleFact, depth: number): string {
  const place = placeAt(sentences, depth)
  const text = [...sentences.slice(0, place), needle, ...sentences.slice(place)].join(' ')
  return `${text}\n\nQuestion: ${question}\nAnswer:`
}

/** The first place between sentences that has so much of the text before it. */
function placeAt(sentences: readonly string[], depth: number): number {
  const total = sentences.reduce((sum, { length }) => sum + length, 0)
  let before = 0
  let place = 0
  while (place < sentences.length && before < (total * depth) / 100) before += sentences[place++]?.length ?? 0
  return place
}

/** The first so many sentences of a text without end. */
function endlessSentences(essay: string): (count: number) => readonly string[] {
  const sentences = splitSentences(essay.trim().replaceAll(/\s+/g, ' '))
  if (sentences.join('') === '') throw new StemkitError('bad-input', 'the essay of the haystack has no text')
  return (count) => Array.from({ length: count }, (_, i) => sentences[i % sentences.length] ?? '')
}

/** The largest number from 0 on for which it holds, if it holds for 0; what holds for a number holds for all below it. */
async function largestFitting(fits: (count: number) => Promise<boolean>): Promise<number | undefined> {
  if (!(await fits(0))) return undefined
  let [low, high] = [0, 1]
  while (await fits(high)) [low, high] = [high, high * 2]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (await fits(middle)) low = middle
    else high = middle
  }
  return low
}
