import { StemkitError } from '@stemkit/spec/errors'
import type { RowUse } from './row-use.ts'

/**
 * The probability [rows] that a step needs a row, where a step is a batch of `batchSize` sequences, all different, drawn
 * at random: what a loader that shuffles does. Exact, since it counts how often words come together in a sequence.
 * @throws bad-input if there are not so many sequences
 */
export function batchProbabilities({ rows, sequences, sequencesWith }: RowUse, batchSize: number): Float64Array {
  if (!(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= sequences)) {
    throw new StemkitError(
      'bad-input',
      `a batch of ${batchSize} sequences, of which the text has ${sequences}; take fewer, or more text`,
    )
  }
  const known = new Map<number, number>()
  return Float64Array.from({ length: rows }, (_, row) => {
    const having = sequencesWith[row]!
    let probability = known.get(having)
    if (probability === undefined) known.set(having, (probability = 1 - chanceOfNone(having, batchSize, sequences)))
    return probability
  })
}

/** That none of `having` is among `drawn` of `all`: C(all - having, drawn) / C(all, drawn). */
function chanceOfNone(having: number, drawn: number, all: number): number {
  // Symmetric in both, so that the shorter product will do.
  const [fewer, more] = having < drawn ? [having, drawn] : [drawn, having]
  let chance = 1
  for (let i = 0; i < fewer; i++) chance *= Math.max(0, all - more - i) / (all - i)
  return chance
}

/** The probability [rows] that a step needs a row, where a step is `tokens` independent tokens: of decoding, say. */
export function tokenProbabilities({ rows, length, sequences, counts }: RowUse, tokens: number): Float64Array {
  const all = length * sequences
  return Float64Array.from({ length: rows }, (_, row) => 1 - (1 - counts[row]! / all) ** tokens)
}

/** How many different rows a step needs on average. */
export const expectedRows = (probabilities: Float64Array): number => probabilities.reduce((sum, p) => sum + p, 0)
