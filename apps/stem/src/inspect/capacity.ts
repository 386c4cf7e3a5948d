import { measureCapacity, type Capacity, type CapacityKind } from '@stemkit/inspect'
import type { Report } from '@stemkit/report'
import { inThousands } from '../terminal/quantities.ts'
import type { TableText } from '../terminal/table.ts'
import { show } from './show.ts'
import { encodeTexts, readTexts } from './texts.ts'
import type { CapacityFlags } from './verbs.ts'
import { withModel } from './with-model.ts'

const LABELS: Record<CapacityKind, string> = {
  stem: 'STEM',
  'product-key memory': 'product-key memory (formula)',
  hash_moe: 'hash mixture',
  dense: 'dense',
}

export async function showCapacity(folder: string, options: CapacityFlags): Promise<void> {
  await withModel(folder, options, async ({ model: { config, tokenizer }, signal }) => {
    const sequences = encodeTexts(await tokenizer(), await readTexts(options.text, signal))
    const { experts, memoryHeads: heads, memorySelected: selected, memoryKeys: subKeys } = options
    const memory = { ...(heads && { heads }), ...(selected && { selected }), ...(subKeys && { subKeys }) }
    const found = measureCapacity({ config, sequences, experts, memory })
    const data = { model: folder, ...found }
    await show({ data, tables: [tableOf(found)], report: () => reportOf(folder, found) }, options)
  })
}

const head = ({ curves }: Capacity): string[] => [
  'tokens',
  'texts',
  'distinct',
  ...curves.map(({ kind }) => LABELS[kind]),
]

const rowsOf = ({ lengths, texts, distinctTokens, curves }: Capacity): string[][] =>
  lengths.map((length, i) => [
    length.toLocaleString('en'),
    String(texts[i]),
    distinctTokens[i]!.toFixed(1),
    ...curves.map(({ active }) => inThousands(Math.round(active[i]!))),
  ])

const totals = ({ curves }: Capacity): string[] => [
  'all there are',
  '',
  '',
  ...curves.map(({ total }) => inThousands(total)),
]

const tableOf = (found: Capacity): TableText => ({ head: head(found), rows: [...rowsOf(found), totals(found)] })

function reportOf(model: string, found: Capacity): Report {
  const { layers, lengths, texts, distinctTokens, curves, experts, memory } = found
  const at = lengths.findLastIndex((_, i) => texts[i]! >= texts[0]! / 2)
  const [stem] = curves
  const chart = (y: string, valueOf: (curve: Capacity['curves'][number], i: number) => number) => ({
    x: { label: 'tokens of a text', scale: 'log' as const },
    y: { label: y, scale: 'log' as const },
    series: curves.map((curve, colour) => ({
      name: LABELS[curve.kind],
      points: lengths.map((length, i): [number, number] => [length, valueOf(curve, i)]),
      colour,
      style: 'points' as const,
      dashed: curve.source === 'formula',
    })),
  })
  return {
    title: 'Capacity with length',
    summary: `${model}: distinct parameters of ${layers.length} feed-forward layers that the first n tokens of a text use, the mean over ${texts[0]} texts, were these layers of another kind.`,
    facts: [
      {
        label: `STEM, ${lengths[at]!.toLocaleString('en')} tokens`,
        value: inThousands(Math.round(stem!.active[at]!)),
        note: `of ${inThousands(stem!.total)} parameters`,
      },
      { label: 'STEM, one token', value: inThousands(stem!.active[0]!), note: 'parameters' },
      {
        label: 'distinct tokens',
        value: distinctTokens[at]!.toFixed(0),
        note: `among ${lengths[at]!.toLocaleString('en')}`,
      },
    ],
    sections: [
      {
        kind: 'chart',
        heading: 'Parameters in use',
        chart: {
          title: 'Distinct parameters used by the first n tokens of a text; of long lengths there are fewer texts.',
          ...chart('parameters', ({ active }, i) => active[i]!),
        },
      },
      {
        kind: 'chart',
        heading: 'Share of all',
        chart: {
          title: 'The same as a share of all parameters that such layers have.',
          ...chart('share', ({ active, total }, i) => active[i]! / total),
        },
      },
      {
        kind: 'text',
        heading: 'How it is counted',
        text: [
          'Counted in the texts: STEM uses its two matrices and a row for each distinct token; dense layers use all they have; a hash mixture uses the experts that the ids of the tokens hash to.',
          `The mixture has ${experts} experts. The memory has ${memory.subKeys}^2 values, ${memory.heads} heads that read ${memory.selected} each, and queries ${memory.queryWidth} wide. By default both have about as many parameters as the STEM layers.`,
          'Of a product-key memory (Lample et al., 2019) there is only what is expected, since no such model is trained here: if each head picks k of K values evenly and independently, n tokens read K (1 - (1 - k/K)^(heads n)) distinct ones. Trained memories pick less evenly, so this is an upper estimate. Queries and keys are used by every token.',
        ].join('\n\n'),
      },
      { kind: 'table', heading: 'Numbers', columns: head(found), rows: [...rowsOf(found), totals(found)] },
    ],
  }
}
