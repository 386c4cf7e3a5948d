import type { Fact } from '../facts.ts'
import { RELATIONS } from '../relations.ts'
import {
  DEFAULT_STRATEGIES,
  efficacyCells,
  localityCells,
  recallCells,
  tokenCells,
  type EfficacyCell,
  type LocalityCell,
  type RecallCell,
  type TokenCell,
} from './cells.ts'
import { measureEfficacy, STRATEGIES_FOR, type Effects, type Method } from './efficacy.ts'
import { measureLocality } from './locality.ts'
import { LENGTHS, samplePairs, type Pair } from './pairs.ts'
import type { Change } from './readings.ts'
import { baselineOf, recallFacts } from './recall.ts'
import type { Subject } from './subject.ts'

/** What was found about one model. */
export interface Findings {
  readonly label: string
  /** Layers of the model that are STEM, counted from 0. */
  readonly stemLayers: readonly number[]
  readonly recall: readonly RecallCell[]
  readonly efficacy: readonly EfficacyCell[]
  readonly byTokens: readonly TokenCell[]
  readonly locality: readonly LocalityCell[]
  /** Edits that rows cannot express. */
  readonly refused: Effects['refused']
}

export interface ExperimentOptions {
  readonly seed: number
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** As many pairs of each relation, `count` in all. */
export const pairsOf = (facts: readonly Fact[], subject: Subject, count: number, seed: number): Pair[] =>
  RELATIONS.flatMap((relation, i) =>
    samplePairs(facts, {
      relation,
      tokensOf: subject.nameOf,
      count: Math.floor((count + i) / RELATIONS.length),
      seed,
    }),
  )

/** Asks a model for what it knows, edits it in every way that it allows, and asks again. */
export async function experiment(
  subject: Subject,
  pairs: readonly Pair[],
  { seed, signal, onProgress }: ExperimentOptions,
): Promise<Findings> {
  const { label, reader } = subject
  const telling = (what: string) => ({
    signal,
    onProgress: (done: number) => onProgress(`${label}: ${what}, ${done} prompts`),
  })
  const methods = methodsFor(reader.tables.layers)
  const recalled = await recallFacts(subject, telling('recall'))
  const before = baselineOf(recalled)
  const { effects, refused } = await measureEfficacy(subject, pairs, methods, {
    seed,
    before,
    ...telling('efficacy'),
  })
  const bystanders = await measureLocality(
    subject,
    pairs,
    // What only one prompt reads leaves all others as they are.
    methods.filter(({ change, layers }) => change !== 'occurrences' && change !== 'text' && !layers),
    { seed, before, ...telling('locality') },
  )
  const { feedForwards } = reader.config
  return {
    label,
    stemLayers: feedForwards.flatMap((kind, layer) => (kind === 'stem' ? [layer] : [])),
    recall: recallCells(recalled),
    efficacy: efficacyCells(effects),
    byTokens: tokenCells(effects),
    locality: localityCells(bystanders),
    refused,
  }
}

/** All ways to edit a model of so many STEM layers. */
function methodsFor(stemLayers: number): Method[] {
  const strategies = (kind: 'rows' | 'text') => LENGTHS.flatMap((lengths) => STRATEGIES_FOR[lengths][kind])
  const byRows = (change: Change): Method[] =>
    strategies('rows').map((strategy) => ({ change, operation: 'overwrite', strategy }))
  if (stemLayers === 0) return byRows('embeddings')
  return [
    ...byRows('rows'),
    ...strategies('rows').flatMap((strategy): Method[] =>
      DEFAULT_STRATEGIES.includes(strategy) ? [{ change: 'rows', operation: 'swap', strategy }] : [],
    ),
    ...(stemLayers === 1
      ? []
      : Array.from({ length: stemLayers }, (_, layer): Method => {
          return { change: 'rows', operation: 'overwrite', strategy: 'one_to_one', layers: [layer] }
        })),
    ...byRows('occurrences'),
    ...strategies('text').map((strategy): Method => ({ change: 'text', operation: 'overwrite', strategy })),
    ...byRows('embeddings'),
    ...byRows('rows and embeddings'),
  ]
}
