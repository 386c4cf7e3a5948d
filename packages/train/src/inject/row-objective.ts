import type { Arrays, Engine } from '@stemkit/compile'
import { filledFor, packSequences, type FitBatch, type FitSequence } from './fit-batches.ts'
import { divergenceGraph, divergenceInputs, targetGraph, targetInputs } from './fit-graph.ts'
import { openTerm, type FitTerm, type TermValue } from './fit-term.ts'
import { distanceFrom, rowsAt, type FittedPlaces } from './fitted-places.ts'
import { neutralBatches, logProbabilitiesOf, type FitModel } from './log-probabilities.ts'
import type { RowBlock } from './row-block.ts'

/** A text that the model should come to say. */
export interface Statement {
  readonly ids: readonly number[]
  /** The target is what begins here, at least one token behind at least one. */
  readonly from: number
}

export interface ObjectiveOptions {
  readonly model: FitModel
  readonly engine: Engine
  readonly block: RowBlock
  readonly fitted: FittedPlaces
  readonly statements: readonly Statement[]
  /** Texts on which the model should stay as it is, at the positions that are asked. */
  readonly neutral: readonly FitSequence[]
  /** What is made small: mean loss of the targets + kl * mean divergence + l2 * distance. */
  readonly weights: { readonly kl: number; readonly l2: number }
  readonly signal?: AbortSignal | undefined
}

/** The objective at the rows as they lie in the block. */
export interface ObjectiveValue {
  readonly total: number
  /** Mean loss of a target token, in nats: the mean over statements of the mean over their tokens. */
  readonly target: number
  /** Mean divergence from the untouched model at an asked position, in nats; 0 without neutral texts. */
  readonly divergence: number
  /** Squared distance from the rows at the start, as a share of their squared norm, the mean over tables. */
  readonly distance: number
  /** By fitted table [F, w]. */
  readonly gradients: readonly Float32Array[]
}

export interface RowObjective {
  compute(): Promise<ObjectiveValue>
  dispose(): Promise<void>
}

const SEQUENCES = 16

/** Compiles the objective; the rows in the block now are those to stay near to. */
export async function openObjective(options: ObjectiveOptions): Promise<RowObjective> {
  const { block, fitted, neutral, weights, signal } = options
  const terms: FitTerm[] = []
  const dispose = async (): Promise<void> => {
    for (const term of terms) await term.dispose()
  }
  try {
    terms.push(await targetTerm(options))
    if (neutral.length > 0 && weights.kl > 0) terms.push(await divergenceTerm(options))
  } catch (error) {
    await dispose()
    throw error
  }
  const distanceOf = distanceFrom(rowsAt(block, fitted))
  return {
    async compute() {
      const values: TermValue[] = []
      for (const term of terms) values.push(await term.compute(signal))
      const [target, divergence] = values
      const distance = distanceOf(rowsAt(block, fitted))
      return {
        total: target!.value + weights.kl * (divergence?.value ?? 0) + weights.l2 * distance.value,
        target: target!.value,
        divergence: divergence?.value ?? 0,
        distance: distance.value,
        gradients: target!.gradients.map((table, t) =>
          table.map((value, i) => {
            const stay = weights.l2 * distance.gradients[t]![i]!
            return value + weights.kl * (divergence?.gradients[t]![i] ?? 0) + stay
          }),
        ),
      }
    },
    dispose,
  }
}

function targetTerm({ statements, ...options }: ObjectiveOptions): Promise<FitTerm> {
  const batches = packSequences(statements.map(askedTarget), options.model.config, SEQUENCES)
  const extra = ({ asked }: FitBatch): Arrays => ({
    targets: filledFor(
      batches,
      asked,
      Int32Array,
      ({ sequence, position }) => statements[sequence]!.ids[position + 1]!,
    ),
    weights: filledFor(batches, asked, Float32Array, ({ sequence }) => {
      const { ids, from } = statements[sequence]!
      return 1 / (statements.length * (ids.length - from))
    }),
  })
  return openTerm({ ...options, graph: targetGraph, inputs: targetInputs, batches, extra })
}

/** What a statement reads, asked where it foretells the target. */
export const askedTarget = ({ ids, from }: Statement): FitSequence => ({
  ids: ids.slice(0, -1),
  at: Array.from({ length: ids.length - from }, (_, i) => from - 1 + i),
})

async function divergenceTerm({ neutral, ...options }: ObjectiveOptions): Promise<FitTerm> {
  const batches = neutralBatches(options.model, neutral)
  const base = await logProbabilitiesOf(options, batches)
  const total = neutral.reduce((sum, { at }) => sum + at.length, 0)
  const extra = ({ asked }: FitBatch, index: number): Arrays => ({
    base: base[index]!,
    weights: filledFor(batches, asked, Float32Array, () => 1 / total),
  })
  return openTerm({ ...options, graph: divergenceGraph, inputs: divergenceInputs, batches, extra })
}
