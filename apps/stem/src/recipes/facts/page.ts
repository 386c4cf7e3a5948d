import type { Share } from '@stemkit/edit'
import type { Fact, Report, Section } from '@stemkit/report'
import { inPercent } from '../../terminal/quantities.ts'
import type { EfficacyCell } from './measure/cells.ts'
import type { Findings } from './measure/experiment.ts'
import type { FactsFindings } from './recipe.ts'
import { RELATIONS } from './relations.ts'
import { changesOf, equalTokens, overall, overallLocality } from './overall.ts'
import { factsTables } from './tables.ts'

const SHARE = { label: 'share of pairs', unit: '%', min: 0, max: 100 } as const
const percent = (share: number): number => Math.round(1000 * share) / 10

/** The findings as a page. */
export function factsReport(findings: FactsFindings): Report {
  const { models, pairs, facts, seed, seconds } = findings
  const [stem] = models
  return {
    title: 'Facts, and what edits do to them',
    summary: `${models.map(({ label }) => label).join(', ')}: trained on ${facts} facts about countries, edited for ${pairs} ordered pairs, and asked again. Seed ${seed}, ${Math.round(seconds)} s in all.`,
    facts: headlines(stem!),
    sections: [
      { kind: 'text', heading: 'What is measured', text: EXPLANATION },
      recallChart(models),
      ...models.map(relationChart),
      ...models.flatMap((model) => (model.stemLayers.length > 0 ? [strategyChart(model)] : [])),
      ...(models.length > 2 ? [placementChart(models)] : []),
      localityChart(models),
      ...factsTables(findings).map(({ heading, head, rows }): Section => ({
        kind: 'table',
        heading,
        columns: head,
        rows,
      })),
    ],
  }
}

/** The numbers that matter, of edits of rows. */
function headlines(model: Findings): Fact[] {
  const shown = (share: Share | undefined): string => (share ? inPercent(share.share) : '–')
  const locality = (shares: boolean) => overallLocality(model, { change: 'rows', shares })?.kept
  return [
    {
      label: 'efficacy',
      value: shown(equalTokens(model, { change: 'rows', set: 'training' })?.wanted),
      note: 'equal numbers of tokens, trained words',
    },
    {
      label: 'in held-out words',
      value: shown(equalTokens(model, { change: 'rows', set: 'heldOut' })?.wantedOfKnown),
      note: 'where the untouched model knows both answers',
    },
    { label: 'locality', value: shown(locality(false)), note: 'countries that share no token' },
    { label: 'locality', value: shown(locality(true)), note: 'countries that share a token' },
  ]
}

const EXPLANATION = `An edit gives the tokens of one country, the source, what those of another one have, the target. It is meant to make what is true of the target be said of the source. The answer that it wants is the likeliest if its tokens, the full stop included, have a higher probability in all than those of any other answer to the relation.

Rows: the STEM tables, wherever the tokens stand. Occurrences: only what the source's positions in this prompt look up. Text: the prompt's tokens are changed as well. Embeddings: the rows of the input embeddings instead, which is all that a dense model has.

Held-out words are sentences that no training text has, and by which nothing was chosen. Shares are means over pairs; the interval is Wilson's for 95 of 100 cases, with each pair as one trial.`

const recallChart = (models: readonly Findings[]): Section => ({
  kind: 'chart',
  heading: 'What the untouched models know',
  chart: {
    type: 'bar',
    title: 'Facts whose true answer is the likeliest, by relation, in held-out words.',
    x: { label: 'relation', values: RELATIONS },
    y: { ...SHARE, label: 'share of facts' },
    series: models.map(({ label, recall }, colour) => ({
      name: label,
      values: RELATIONS.map((relation) =>
        percent(recall.find((cell) => cell.relation === relation && cell.set === 'heldOut')!.right.share),
      ),
      colour,
    })),
  },
})

const relationChart = (model: Findings): Section => ({
  kind: 'chart',
  heading: `${model.label}, by relation`,
  chart: {
    type: 'bar',
    title:
      'Pairs for which the answer that the edit wants is the likeliest, by what is edited, in held-out words to which the untouched model answers truly for both.',
    x: { label: 'relation', values: RELATIONS },
    y: SHARE,
    series: changesOf(model).map((change, colour) => ({
      name: change,
      values: RELATIONS.map((relation) =>
        percent(overall(model, { change, set: 'heldOut', relation })?.wantedOfKnown.share ?? Number.NaN),
      ),
      colour,
    })),
  },
})

function strategyChart({ label, efficacy }: Findings): Section {
  const isMeant = ({ change, operation, relation, strategy, layers }: EfficacyCell): boolean =>
    (change === 'rows' || change === 'text') &&
    operation === 'overwrite' &&
    relation === 'all' &&
    strategy !== 'default' &&
    !layers
  const cells = (set: EfficacyCell['set']): EfficacyCell[] =>
    efficacy.filter((cell) => isMeant(cell) && cell.set === set)
  return {
    kind: 'chart',
    heading: `${label}, by strategy`,
    chart: {
      type: 'bar',
      title:
        'Pairs for which the answer that the edit of rows wants is the likeliest, by strategy; those that expand change the text.',
      horizontal: true,
      x: { label: 'strategy', values: cells('training').map(({ strategy }) => strategy) },
      y: SHARE,
      series: [
        { name: 'trained words', values: cells('training').map(({ wanted }) => percent(wanted.share)), colour: 0 },
        { name: 'held-out words', values: cells('heldOut').map(({ wanted }) => percent(wanted.share)), colour: 1 },
        {
          name: 'held-out, where known',
          values: cells('heldOut').map(({ wantedOfKnown }) => percent(wantedOfKnown.share)),
          colour: 2,
        },
      ],
    },
  }
}

function placementChart(models: readonly Findings[]): Section {
  const stem = models.filter(({ stemLayers }) => stemLayers.length > 0)
  const shareOf = (model: Findings, change: 'rows' | 'embeddings'): number =>
    percent(equalTokens(model, { change, set: 'training' })?.wanted.share ?? Number.NaN)
  return {
    kind: 'chart',
    heading: 'By the layers that are STEM',
    chart: {
      type: 'bar',
      title:
        'Pairs of equal numbers of tokens for which the answer that the edit wants is the likeliest, by the STEM layers of the model, in trained words.',
      horizontal: true,
      x: { label: 'STEM layers', values: stem.map(({ stemLayers }) => stemLayers.join(' ')) },
      y: SHARE,
      series: (['rows', 'embeddings'] as const).map((change, colour) => ({
        name: change,
        values: stem.map((model) => shareOf(model, change)),
        colour,
      })),
    },
  }
}

const localityChart = (models: readonly Findings[]): Section => ({
  kind: 'chart',
  heading: 'Locality',
  chart: {
    type: 'bar',
    title: 'Prompts about other countries whose likeliest answer is what it was, by what is edited.',
    horizontal: true,
    x: {
      label: 'what is edited',
      values: models.flatMap((model) => changesWithLocality(model).map((change) => `${model.label}: ${change}`)),
    },
    y: SHARE,
    series: [true, false].map((shares, colour) => ({
      name: shares ? 'they share a token' : 'they share none',
      values: models.flatMap((model) =>
        changesWithLocality(model).map((change) => percent(overallLocality(model, { change, shares })!.kept.share)),
      ),
      colour,
    })),
  },
})

const changesWithLocality = (model: Findings) =>
  changesOf(model).filter((change) =>
    [true, false].every((shares) => overallLocality(model, { change, shares }) !== undefined),
  )
