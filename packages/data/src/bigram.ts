import { StemkitError } from '@stemkit/spec/errors'

/** Which tokens follow each token, and how often: successors of `a` are at rows[a] to rows[a + 1], ascending. */
interface Successors {
  readonly rows: Uint32Array
  readonly tokens: Int32Array
  readonly counts: Uint32Array
}

const check = (ids: ArrayLike<number>, vocabSize: number, name: string): void => {
  if (ids.length < 2)
    throw new StemkitError('bad-input', `A bigram model needs at least 2 ${name} tokens, not ${ids.length}`)
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (!(id >= 0 && id < vocabSize)) {
      throw new StemkitError(
        'bad-input',
        `The ${name} tokens have id ${id} at place ${i}, outside the vocabulary of ${vocabSize}`,
      )
    }
  }
}

/** Sorts successors by the token before them (counting), then within it, and counts equal ones. */
const countSuccessors = (ids: ArrayLike<number>, vocabSize: number): Successors => {
  const starts = new Uint32Array(vocabSize + 1)
  for (let i = 0; i + 1 < ids.length; i++) starts[ids[i]! + 1]! += 1
  for (let a = 0; a < vocabSize; a++) starts[a + 1]! += starts[a]!
  const sorted = new Int32Array(ids.length - 1)
  const free = starts.slice()
  for (let i = 0; i + 1 < ids.length; i++) sorted[free[ids[i]!]!++] = ids[i + 1]!

  const rows = new Uint32Array(vocabSize + 1)
  const tokens = new Int32Array(sorted.length)
  const counts = new Uint32Array(sorted.length)
  let size = 0
  for (let a = 0; a < vocabSize; a++) {
    rows[a] = size
    const row = sorted.subarray(starts[a], starts[a + 1]).toSorted()
    for (let i = 0; i < row.length; i++) {
      if (i === 0 || row[i] !== row[i - 1]) tokens[size++] = row[i]!
      counts[size - 1]! += 1
    }
  }
  rows[vocabSize] = size
  return { rows, tokens: tokens.subarray(0, size), counts: counts.subarray(0, size) }
}

/** Index of `token` in the successors from `low` to `high`, or -1. */
const find = (tokens: Int32Array, token: number, low: number, high: number): number => {
  let [first, end] = [low, high]
  while (first < end) {
    const middle = (first + end) >>> 1
    if (tokens[middle]! < token) first = middle + 1
    else end = middle
  }
  return first < high && tokens[first] === token ? first : -1
}

/** p(b | a) of a bigram model. */
export type Bigram = (a: number, b: number) => number

/**
 * An interpolated Kneser-Ney bigram model of a stream of token ids. With c the counts, T(a) the number of different
 * tokens after a, and D = n1 / (n1 + 2 n2) from the numbers of pairs seen once and twice:
 *
 *     p(b | a) = max(c(a, b) - D, 0) / c(a) + D T(a) / c(a) * q(b)
 *     q(b)     = (tokens seen before b + 1) / (different pairs + vocabSize)
 */
export const trainBigram = (ids: ArrayLike<number>, vocabSize: number): Bigram => {
  check(ids, vocabSize, 'training')
  const { rows, tokens, counts } = countSuccessors(ids, vocabSize)
  const total = new Float64Array(vocabSize)
  const q = new Float64Array(vocabSize).fill(1)
  let [once, twice] = [0, 0]
  for (let a = 0; a < vocabSize; a++) {
    for (let i = rows[a]!; i < rows[a + 1]!; i++) {
      total[a]! += counts[i]!
      q[tokens[i]!]! += 1
      if (counts[i] === 1) once += 1
      if (counts[i] === 2) twice += 1
    }
  }
  for (let b = 0; b < vocabSize; b++) q[b]! /= tokens.length + vocabSize
  const discount = once === 0 ? 0.5 : once / (once + 2 * twice)

  return (a, b) => {
    const [low, high] = [rows[a]!, rows[a + 1]!]
    if (low === high) return q[b]!
    const found = find(tokens, b, low, high)
    const seen = found < 0 ? 0 : Math.max(counts[found]! - discount, 0)
    return (seen + discount * (high - low) * q[b]!) / total[a]!
  }
}

/**
 * Mean loss, in nats per token, that a bigram model of the training tokens (`trainBigram`) has on held-out tokens, all
 * but the first. A packed data set's `tokens` are such streams, end-of-text tokens included.
 * Throws `bad-input` for fewer than two tokens or ids outside the vocabulary.
 */
export const bigramLoss = (train: ArrayLike<number>, heldOut: ArrayLike<number>, vocabSize: number): number => {
  const bigram = trainBigram(train, vocabSize)
  check(heldOut, vocabSize, 'held-out')
  let sum = 0
  for (let i = 1; i < heldOut.length; i++) sum -= Math.log(bigram(heldOut[i - 1]!, heldOut[i]!))
  return sum / (heldOut.length - 1)
}
