import type { TableText } from '../../terminal/table.ts'
import { inPercent } from '../../terminal/quantities.ts'
import type { EfficacyCell, Scope } from './measure/cells.ts'
import type { Findings } from './measure/experiment.ts'
import { LENGTHS, type Lengths } from './measure/pairs.ts'
import { CHANGES } from './measure/readings.ts'
import { changesOf, overall, overallLocality } from './overall.ts'
import { WORDING_SETS, type WordingSet } from './measure/recall.ts'
import type { Share } from './measure/wilson.ts'
import type { FactsFindings } from './recipe.ts'
import { RELATIONS } from './relations.ts'

/** A table under a heading. */
export interface FactsTable extends TableText {
  readonly heading: string
}

const SCOPES: readonly Scope[] = [...RELATIONS, 'all']
const WORDS: Record<WordingSet, string> = { training: 'trained words', heldOut: 'held-out words' }
const TOKENS: Record<Lengths | 'any', string> = {
  equal: 'n to n',
  more: 'more to fewer',
  fewer: 'fewer to more',
  any: 'any',
}

/** `91.2% 88.7-93.2`: the share, and between what it lies. */
export const withInterval = ({ share, low, high, n }: Share): string =>
  n === 0 ? '–' : `${inPercent(share)} ${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)}`

/** Everything that was found, model by model. */
export const factsTables = ({ models }: FactsFindings): FactsTable[] =>
  [
    recallTable(models),
    ...(models.length > 2 ? [placementTable(models)] : []),
    relationTable(models),
    strategyTable(models),
    tokenTable(models),
    layerTable(models),
    swapTable(models),
    localityTable(models),
  ].filter(({ rows }) => rows.length > 0)

const recallTable = (models: readonly Findings[]): FactsTable => ({
  heading: 'What the untouched models know: the true answer is the likeliest of all answers to the relation',
  head: ['model', ...SCOPES, 'generated', 'facts'],
  rows: models.flatMap(({ label, recall }) =>
    WORDING_SETS.map((set) => {
      const of = (relation: Scope) => recall.find((cell) => cell.relation === relation && cell.set === set)!
      const all = of('all')
      return [
        `${label}, ${WORDS[set]}`,
        ...SCOPES.map((relation) => inPercent(of(relation).right.share)),
        inPercent(all.generated.share),
        String(all.right.n),
      ]
    }),
  ),
})

const placementTable = (models: readonly Findings[]): FactsTable => ({
  heading:
    'By the layers that are STEM: the answer that the edit wants is the likeliest; one_to_one, copying, subset_first',
  head: [
    'model: what is edited',
    'layers',
    'trained words',
    'held-out words',
    'where known',
    'sharing a token',
    'no token shared',
  ],
  rows: models.flatMap((model) =>
    changesOf(model).map((change) => {
      const [training, heldOut] = WORDING_SETS.map((set) => overall(model, { change, set })!)
      const [sharing, apart] = [true, false].map((shares) => overallLocality(model, { change, shares }))
      return [
        `${model.label}: ${change}`,
        model.stemLayers.join(' ') || 'none',
        withInterval(training!.wanted),
        withInterval(heldOut!.wanted),
        withInterval(heldOut!.wantedOfKnown),
        sharing ? withInterval(sharing.kept) : '–',
        apart ? withInterval(apart.kept) : '–',
      ]
    }),
  ),
})

const relationTable = (models: readonly Findings[]): FactsTable => ({
  heading: 'By relation: the answer that the edit wants is the likeliest; one_to_one, copying, subset_first',
  head: ['model: what is edited, in which words', ...SCOPES, 'first token', 'still the old', 'generated', 'pairs'],
  rows: models.flatMap((model) =>
    changesOf(model).flatMap((change) =>
      WORDING_SETS.map((set) => {
        const all = overall(model, { change, set })!
        return [
          `${model.label}: ${change}, ${WORDS[set]}`,
          ...RELATIONS.map((relation) => inPercent(overall(model, { change, set, relation })!.wanted.share)),
          withInterval(all.wanted),
          inPercent(all.begins.share),
          inPercent(all.old.share),
          inPercent(all.generated.share),
          String(all.wanted.n),
        ]
      }),
    ),
  ),
})

const isOwn = ({ relation, strategy, layers }: EfficacyCell): boolean =>
  relation === 'all' && strategy !== 'default' && !layers

const byChange = (a: EfficacyCell, b: EfficacyCell): number =>
  CHANGES.indexOf(a.change) - CHANGES.indexOf(b.change) ||
  LENGTHS.indexOf(a.lengths as Lengths) - LENGTHS.indexOf(b.lengths as Lengths)

const strategyTable = (models: readonly Findings[]): FactsTable => ({
  heading: 'By strategy: the answer that the edit wants is the likeliest',
  head: [
    'model: what is edited, strategy',
    'tokens',
    'trained words',
    'held-out words',
    'where known',
    'still the old',
    'generated',
    'pairs',
  ],
  rows: models.flatMap((model) =>
    model.efficacy
      .filter((cell) => isOwn(cell) && cell.set === 'training' && cell.operation === 'overwrite')
      .toSorted(byChange)
      .map((training) => {
        const heldOut = beside(model, training, { set: 'heldOut' })!
        return [
          `${model.label}: ${training.change}, ${training.strategy}`,
          TOKENS[training.lengths],
          withInterval(training.wanted),
          withInterval(heldOut.wanted),
          withInterval(heldOut.wantedOfKnown),
          inPercent(heldOut.old.share),
          inPercent(heldOut.generated.share),
          String(training.wanted.n),
        ]
      }),
  ),
})

/** The cell that differs from another one in some of its keys only. */
function beside({ efficacy }: Findings, cell: EfficacyCell, other: Partial<EfficacyCell>): EfficacyCell | undefined {
  const { change, operation, strategy, lengths, layers, relation, side, set } = { ...cell, ...other }
  return efficacy.find(
    (each) =>
      each.change === change &&
      each.operation === operation &&
      each.strategy === strategy &&
      each.lengths === lengths &&
      `${each.layers}` === `${layers}` &&
      each.relation === relation &&
      each.side === side &&
      each.set === set,
  )
}

/** Groups of fewer pairs say too little. */
const FEWEST = 10

const tokenTable = (models: readonly Findings[]): FactsTable => ({
  heading:
    'By numbers of tokens, edits of rows: the answer that the edit wants is the likeliest; one_to_one, copying, subset_first',
  head: ['model, tokens of what', 'trained words', 'held-out words', 'pairs'],
  rows: models.flatMap(({ label, byTokens }) =>
    byTokens
      .filter(({ change, set, wanted }) => change === 'rows' && set === 'training' && wanted.n >= FEWEST)
      .toSorted((a, b) =>
        a.of === b.of ? a.tokens.localeCompare(b.tokens, 'en', { numeric: true }) : a.of < b.of ? 1 : -1,
      )
      .map(({ of, tokens, wanted }) => {
        const heldOut = byTokens.find(
          (cell) => cell.change === 'rows' && cell.set === 'heldOut' && cell.of === of && cell.tokens === tokens,
        )!
        return [`${label}, ${of} ${tokens}`, withInterval(wanted), withInterval(heldOut.wanted), String(wanted.n)]
      }),
  ),
})

const layerTable = (models: readonly Findings[]): FactsTable => ({
  heading: 'Rows of one STEM layer alone, one_to_one',
  head: ['model, layer', 'trained words', 'held-out words', 'still the old', 'pairs'],
  rows: models.flatMap((model) =>
    model.efficacy
      .filter(({ layers, relation, set }) => layers && relation === 'all' && set === 'training')
      .map((training) => {
        const heldOut = beside(model, training, { set: 'heldOut' })!
        return [
          `${model.label}, layer ${model.stemLayers[training.layers![0]!]}`,
          withInterval(training.wanted),
          withInterval(heldOut.wanted),
          inPercent(heldOut.old.share),
          String(training.wanted.n),
        ]
      }),
  ),
})

const swapTable = (models: readonly Findings[]): FactsTable => ({
  heading:
    'Rows swapped: each of the two has the answer of the other as its likeliest; one_to_one, copying, subset_first',
  head: ['model, who is asked about', 'trained words', 'held-out words', 'pairs'],
  rows: models.flatMap((model) =>
    model.efficacy
      .filter((cell) => cell.operation === 'swap' && cell.relation === 'all' && cell.strategy === 'default')
      .filter(({ set }) => set === 'training')
      .map((training) => [
        `${model.label}, the ${training.side}`,
        withInterval(training.wanted),
        withInterval(beside(model, training, { set: 'heldOut' })!.wanted),
        String(training.wanted.n),
      ]),
  ),
})

const localityTable = (models: readonly Findings[]): FactsTable => ({
  heading: 'Locality: other countries keep their likeliest answer to the relation; trained words',
  head: ['model: what is edited, strategy', 'tokens', 'shared', 'kept', 'right', 'right before', 'prompts', 'pairs'],
  rows: models.flatMap((model) =>
    model.locality
      .filter(({ relation }) => relation === 'all')
      .map(({ change, operation, strategy, lengths, shares, kept, right, wasRight, prompts }) => [
        `${model.label}: ${change}${operation === 'swap' ? ' swapped' : ''}, ${strategy}`,
        TOKENS[lengths],
        shares ? 'a token' : 'none',
        withInterval(kept),
        inPercent(right.share),
        inPercent(wasRight.share),
        String(prompts),
        String(kept.n),
      ]),
  ),
})
