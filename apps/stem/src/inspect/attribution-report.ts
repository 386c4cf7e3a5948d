import type { Heatmap, Report, Section } from '@stemkit/report'
import type { TableText } from '../terminal/table.ts'
import type { AttributionFindings } from './attribution.ts'
import { cos } from './show.ts'

/** Rows that the terminal and the page's table name. */
const NAMED = 20

type Effect = AttributionFindings['effects'][number]

const COLUMNS = ['row', 'layer', 'places', 'effect', 'estimate']

const strongest = (effects: readonly Effect[]): readonly Effect[] =>
  effects.toSorted((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, NAMED)

const rowsOf = (effects: readonly Effect[]): string[][] =>
  strongest(effects).map(({ text, layer, positions, effect, estimate }) => [
    text,
    String(layer),
    positions.join(' '),
    cos(effect),
    cos(estimate),
  ])

export const attributionTables = ({ effects, target, logProbability }: AttributionFindings): TableText[] => [
  {
    head: ['target', 'ln p', 'p'],
    rows: [[JSON.stringify(target), cos(logProbability), cos(Math.exp(logProbability))]],
  },
  { head: COLUMNS, rows: rowsOf(effects) },
]

export function attributionReport(findings: AttributionFindings): Report {
  const { model, prompt, target, chosen, replace, by, logProbability, effects } = findings
  const first = strongest(effects)[0]!
  return {
    title: 'What a prediction leaned on',
    summary: `${model}: every row that the text reads was replaced by ${replace === 'mean' ? 'the mean row of its table' : 'zeros'}, one at a time${by === 'row' ? ', wherever it is read' : ' and at one place only'}, and ln p of ${chosen ? "the model's first choice" : 'the target'} was computed again.`,
    facts: [
      { label: 'ln p(target)', value: cos(logProbability), note: `p = ${cos(Math.exp(logProbability))}` },
      { label: 'strongest row', value: first.text, note: `layer ${first.layer}: ${cos(first.effect)} nats` },
      { label: 'correlation', value: cos(correlation(effects)), note: 'of effect and gradient estimate' },
    ],
    sections: [
      {
        kind: 'texts',
        heading: 'Text',
        texts: [{ label: 'the prompt, and the target behind it', prompt, text: target }],
      },
      heatmap(
        'Effect',
        'ln p(target) with the row less that without it, in nats: above 0 where the prediction leaned on the row.',
        findings,
        'effect',
      ),
      heatmap(
        'Estimate by the gradient',
        'The gradient of ln p(target) by the row, times what the replacement changes: the first-order estimate of the effect.',
        findings,
        'estimate',
      ),
      {
        kind: 'chart',
        heading: 'How good the estimate is',
        chart: {
          type: 'scatter',
          title: 'Estimate against effect, a point for each row.',
          x: { label: 'effect', unit: 'nats' },
          y: { label: 'estimate', unit: 'nats' },
          series: layersOf(effects).map((layer, colour) => ({
            name: `layer ${layer}`,
            points: effects.flatMap((each): [number, number][] =>
              each.layer === layer ? [[each.effect, each.estimate]] : [],
            ),
            colour,
          })),
        },
      },
      {
        kind: 'table',
        heading: `The ${Math.min(NAMED, effects.length)} strongest rows`,
        columns: COLUMNS,
        rows: rowsOf(effects),
      },
    ],
  }
}

const layersOf = (effects: readonly Effect[]): number[] => [...new Set(effects.map(({ layer }) => layer))]

function heatmap(
  heading: string,
  title: string,
  { effects }: AttributionFindings,
  key: 'effect' | 'estimate',
): Section {
  const layers = layersOf(effects)
  // One scale for both pictures, so that they can be compared.
  const most = Math.max(...effects.flatMap(({ effect, estimate }) => [Math.abs(effect), Math.abs(estimate)]))
  const columns = effects.filter(({ layer }) => layer === layers[0])
  const chart: Heatmap = {
    type: 'heatmap',
    title,
    x: { label: 'row', values: columns.map(({ text, positions }) => `${positions[0]} ${text}`) },
    y: { label: 'layer', values: layers },
    values: layers.map((layer) => effects.flatMap((each) => (each.layer === layer ? [each[key]] : []))),
    value: { label: key, unit: 'nats', min: -most, max: most },
    diverging: true,
  }
  return { kind: 'chart', heading, chart }
}

function correlation(effects: readonly Effect[]): number {
  const mean = (of: (each: Effect) => number): number =>
    effects.reduce((sum, each) => sum + of(each), 0) / effects.length
  const [x, y] = [mean(({ effect }) => effect), mean(({ estimate }) => estimate)]
  const covariance = mean(({ effect, estimate }) => (effect - x) * (estimate - y))
  return covariance / Math.sqrt(mean(({ effect }) => (effect - x) ** 2) * mean(({ estimate }) => (estimate - y) ** 2))
}
