import type { LayerSpread } from '@stemkit/inspect'
import type { Point, Report, Section } from '@stemkit/report'
import type { TableText } from '../terminal/table.ts'
import { cos } from './show.ts'
import type { SpreadFindings, Subject, SubjectName } from './spread.ts'

const LABELS: Record<SubjectName, string> = {
  tables: 'STEM tables',
  initial: 'at initialisation',
  'dense mean': 'dense, mean per token',
  'dense occurrence': 'dense, one occurrence',
}

const count = (value: number): string => value.toLocaleString('en')
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const rank = (value: number | undefined): string => value?.toFixed(1) ?? '–'

/** One row for each layer and subject. */
function rowsOf({ subjects, layers }: SpreadFindings): string[][] {
  return layers.flatMap((layer, l) =>
    subjects.map(({ name, spread, rank: ranks }) => {
      const [angles, own] = [spread[l]!, ranks[l]!]
      return [
        `${layer}: ${LABELS[name]}`,
        count(angles.pairs),
        cos(angles.mean),
        cos(angles.std),
        cos(angles.meanAbsolute),
        `${cos(angles.min)} to ${cos(angles.max)}`,
        rank(own.participation),
        rank(own.centred.participation),
        rank(own.entropy),
      ]
    }),
  )
}

const COLUMNS = [
  'layer',
  'pairs',
  'mean cosine',
  'deviation',
  'mean |cosine|',
  'range',
  'participation',
  'about the mean',
  'entropy rank',
]

export const spreadTables = (findings: SpreadFindings): TableText[] => [{ head: COLUMNS, rows: rowsOf(findings) }]

export function spreadReport(findings: SpreadFindings): Report {
  const { model, dense, layers, rows, of, pairs, width, positions, seed, initialSeed, subjects } = findings
  const drawn = pairs === 'all' ? 'all pairs' : `${count(pairs)} pairs, drawn by seed ${seed},`
  return {
    title: 'Angular spread of the tables',
    summary: `${model}: ${drawn} of ${count(rows)} rows (${of === 'texts' ? 'the tokens of a text' : 'the whole vocabulary'}), in ${layers.length} STEM layers of width ${width}.`,
    facts: subjects.map(({ name, spread }) => ({
      label: LABELS[name],
      value: cos(mean(spread.map((each) => each.mean))),
      note: `mean cosine; deviation ${cos(mean(spread.map((each) => each.std)))}`,
    })),
    sections: [
      { kind: 'text', heading: 'What is compared', text: explanation({ dense, positions, width, initialSeed }) },
      ...layers.map((layer, l) => distribution(layer, l, subjects)),
      byLayer(
        'Mean cosine',
        'Mean cosine between two rows, by layer.',
        'cosine',
        findings,
        (subject, l) => subject.spread[l]!.mean,
      ),
      byLayer(
        'Deviation',
        `Standard deviation of the cosines, by layer; ${cos(width ** -0.5)} is that of random directions.`,
        'cosine',
        findings,
        (subject, l) => subject.spread[l]!.std,
      ),
      byLayer(
        'Effective rank',
        `Participation ratio of the squared singular values, about the mean row, by layer; at most ${count(Math.min(width, rows - 1))}.`,
        'directions',
        findings,
        (subject, l) => subject.rank[l]!.centred.participation,
      ),
      { kind: 'table', heading: 'Numbers', columns: COLUMNS, rows: rowsOf(findings) },
    ],
  }
}

function explanation({
  dense,
  positions,
  width,
  initialSeed,
}: Pick<SpreadFindings, 'dense' | 'positions' | 'width' | 'initialSeed'>): string {
  const control = `Cosines near 0 alone say nothing: in ${width} dimensions random directions are nearly orthogonal, with a deviation of ${width}^-1/2 = ${cos(width ** -0.5)}. So the tables stand beside themselves at initialisation (seed ${initialSeed}).`
  const twin =
    dense === undefined
      ? 'No dense model was given to compare with.'
      : `The dense model ${dense} was run over ${count(positions ?? 0)} positions of text. Of what its up-projection gives for a token, Wu x, which STEM replaces by a row, there are two: the mean over all occurrences of the token, and one occurrence drawn at random, as the mean hides what the context does.`
  const ranks =
    'Participation is (sum s^2)^2 / sum s^4 over the singular values s; about the mean: after the mean row was taken off every row. Entropy rank is exp of the entropy of s / sum s.'
  return [control, twin, ranks].join('\n\n')
}

/** The cosines of one layer. */
function distribution(layer: number, l: number, subjects: readonly Subject[]): Section {
  const used = subjects.map(({ spread }) => rangeOf(spread[l]!))
  const [from, to] = [Math.min(...used.map(([a]) => a)), Math.max(...used.map(([, b]) => b))]
  return {
    kind: 'chart',
    heading: `Layer ${layer}`,
    chart: {
      title: `How the cosines between rows of layer ${layer} are distributed, each curve by its own peak.`,
      x: { label: 'cosine' },
      y: { label: 'share of the peak', min: 0 },
      series: subjects.map(({ name, spread }, colour) => ({
        name: LABELS[name],
        points: densityOf(spread[l]!, from, to),
        colour,
        dashed: name === 'initial',
      })),
    },
  }
}

/** The first and last bin that matter: all but a ten thousandth at either end. */
function rangeOf({ histogram, pairs }: LayerSpread): [number, number] {
  const edge = (bins: readonly number[]): number => {
    let sum = 0
    return bins.findIndex((bin) => (sum += bin) > pairs / 1e4)
  }
  return [edge(histogram) - 1, histogram.length - edge(histogram.toReversed())]
}

/** Each curve by its own peak: a narrow one would else hide all others. */
function densityOf({ histogram }: LayerSpread, from: number, to: number): Point[] {
  const [width, peak] = [2 / histogram.length, Math.max(...histogram)]
  return histogram.flatMap((bin, i): Point[] => (i < from || i > to ? [] : [[-1 + (i + 0.5) * width, bin / peak]]))
}

function byLayer(
  heading: string,
  title: string,
  label: string,
  { layers, subjects }: SpreadFindings,
  valueOf: (subject: Subject, l: number) => number,
): Section {
  return {
    kind: 'chart',
    heading,
    chart: {
      type: 'bar',
      title,
      x: { label: 'layer', values: layers },
      y: { label },
      series: subjects.map((subject, colour) => ({
        name: LABELS[subject.name],
        values: layers.map((_, l) => Math.round(1000 * valueOf(subject, l)) / 1000),
        colour,
      })),
    },
  }
}
