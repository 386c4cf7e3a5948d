import type { Share } from '@stemkit/edit'
import { inPercent } from '../../terminal/quantities.ts'
import type { EfficacyCell, MethodKey, Scope } from './measure/cells.ts'
import { withInterval, type FactsTable } from './facts-table.ts'
import type { Findings } from './measure/experiment.ts'
import { LENGTHS, type Lengths } from './measure/pairs.ts'
import { CHANGES, type Change } from './measure/readings.ts'
import { changesOf, equalTokens, overall, overallLocality } from './overall.ts'
import { WORDING_SETS, type WordingSet } from './measure/recall.ts'
import type { FactsFindings } from './recipe.ts'
import { RELATIONS } from './relations.ts'
import { tokenTable } from './token-table.ts'

const SCOPES: readonly Scope[] = [...RELATIONS, 'all']
const WORDS: Record<WordingSet, string> = { training: 'trained words', heldOut: 'held-out words' }
const TOKENS: Record<Lengths | 'any', string> = {
  equal: 'n to n',
  more: 'more to fewer',
  fewer: 'fewer to more',
  any: 'any',
}

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
    'By the layers that are STEM: the answer that the edit wants is the likeliest, and other countries keep theirs',
  head: [
    'model: what is edited',
    'layers',
    'n to n, trained words',
    'held-out, where known',
    'any tokens, trained words',
    'a token shared',
    'none shared',
  ],
  rows: models.flatMap((model) =>
    changesOf(model).map((change) => {
      const [training, heldOut] = WORDING_SETS.map((set) => equalTokens(model, { change, set }))
      const [sharing, apart] = [true, false].map((shares) => overallLocality(model, { change, shares }))
      const shown = (share: Share | undefined): string => (share ? withInterval(share) : '–')
      return [
        `${model.label}: ${change}`,
        model.stemLayers.join(' ') || 'none',
        shown(training?.wanted),
        shown(heldOut?.wantedOfKnown),
        shown(overall(model, { change, set: 'training' })?.wanted),
        shown(sharing?.kept),
        shown(apart?.kept),
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

/** Changes whose strategies are told one by one: those of rows and text, and of embeddings where there are no rows. */
const isTold = ({ stemLayers }: Findings, change: Change): boolean =>
  change === 'rows' || change === 'text' || (change === 'embeddings' && stemLayers.length === 0)

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
      .filter(({ change }) => isTold(model, change))
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
  heading: 'Rows swapped: the source has the answer of the target as its likeliest, and the target that of the source',
  head: ['model, strategy, who is asked about', 'tokens', 'trained words', 'held-out words', 'pairs'],
  rows: models.flatMap((model) =>
    model.efficacy
      .filter((cell) => cell.operation === 'swap' && isOwn(cell) && cell.set === 'training')
      .map((training) => [
        `${model.label}, ${training.strategy}, the ${training.side}`,
        TOKENS[training.lengths],
        withInterval(training.wanted),
        withInterval(beside(model, training, { set: 'heldOut' })!.wanted),
        String(training.wanted.n),
      ]),
  ),
})

const localityTable = (models: readonly Findings[]): FactsTable => ({
  heading:
    'Locality: other countries keep their likeliest answer to the relation, by whether they share a token with an edited one; trained words',
  head: ['model: what is edited, strategy', 'tokens', 'a token shared', 'pairs', 'none shared', 'pairs'],
  rows: models.flatMap((model) => {
    const cells = model.locality.filter(
      ({ relation, change, strategy }) => relation === 'all' && (strategy === 'default' || isTold(model, change)),
    )
    return cells
      .filter(({ shares }) => !shares)
      .map((apart) => {
        const sharing = cells.find((cell) => cell.shares && isSameEdit(cell, apart))
        return [
          `${model.label}: ${apart.change}${apart.operation === 'swap' ? ' swapped' : ''}, ${apart.strategy}`,
          TOKENS[apart.lengths],
          ...(sharing ? [withInterval(sharing.kept), String(sharing.kept.n)] : ['–', '0']),
          withInterval(apart.kept),
          String(apart.kept.n),
        ]
      })
  }),
})

const isSameEdit = (a: MethodKey, b: MethodKey): boolean =>
  a.change === b.change && a.operation === b.operation && a.strategy === b.strategy && a.lengths === b.lengths
