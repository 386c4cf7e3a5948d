import type { FitSequence } from './fit-batches.ts'
import { logProbabilitiesOf, neutralBatches, type Reading } from './log-probabilities.ts'
import { askedTarget, type Statement } from './row-objective.ts'

/** How far a model moved on some texts. */
export interface TextsReport {
  readonly texts: number
  /** Foretold tokens. */
  readonly tokens: number
  /** exp of the mean loss of a token. */
  readonly perplexityBefore: number
  readonly perplexityAfter: number
  /** Mean divergence of Kullback and Leibler from the model before, over the same positions, in nats. */
  readonly divergence: number
}

/** What a target's tokens cost, and how probable they are together. */
export interface TargetScore {
  /** Mean over its tokens, in nats. */
  readonly loss: number
  /** Of all its tokens. */
  readonly probability: number
}

/** How well the rows in the block say statements. */
export async function scoreStatements(reading: Reading, statements: readonly Statement[]): Promise<TargetScore[]> {
  const losses = statements.map((): number[] => [])
  await readAll(reading, statements.map(askedTarget)).then((each) =>
    each(({ sequence, position }, logProbabilities) =>
      losses[sequence]!.push(-logProbabilities[statements[sequence]!.ids[position + 1]!]!),
    ),
  )
  return losses.map((each) => {
    const sum = each.reduce((a, b) => a + b, 0)
    return { loss: sum / each.length, probability: Math.exp(-sum) }
  })
}

/**
 * Keeps what the rows in the block think of texts of two tokens or more.
 * @returns what compares that with the rows that are there by then
 */
export async function measureTexts(
  reading: Reading,
  texts: readonly (readonly number[])[],
): Promise<() => Promise<TextsReport>> {
  const sequences = texts.map((ids) => askedTarget({ ids, from: 1 }))
  const before: Float32Array[] = []
  await readAll(reading, sequences).then((each) => each((_, logProbabilities) => before.push(logProbabilities)))
  return async () => {
    let [tokens, was, is, divergence] = [0, 0, 0, 0]
    const each = await readAll(reading, sequences)
    each(({ sequence, position }, now) => {
      const old = before[tokens++]!
      const target = texts[sequence]![position + 1]!
      was -= old[target]!
      is -= now[target]!
      for (let v = 0; v < old.length; v++) divergence += Math.exp(old[v]!) * (old[v]! - now[v]!)
    })
    return {
      texts: texts.length,
      tokens,
      perplexityBefore: Math.exp(was / tokens),
      perplexityAfter: Math.exp(is / tokens),
      divergence: divergence / tokens,
    }
  }
}

type Visit = (place: { readonly sequence: number; readonly position: number }, logProbabilities: Float32Array) => void

/** ln of the probabilities [V] at every asked position, in order. */
async function readAll(reading: Reading, sequences: readonly FitSequence[]): Promise<(visit: Visit) => void> {
  const V = reading.model.config.vocabSize
  const batches = neutralBatches(reading.model, sequences)
  const all = await logProbabilitiesOf(reading, batches)
  return (visit) =>
    batches.batches.forEach(({ asked }, b) =>
      asked.forEach((place, r) => visit(place, all[b]!.subarray(r * V, (r + 1) * V))),
    )
}
