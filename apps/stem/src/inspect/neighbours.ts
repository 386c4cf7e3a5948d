import { nearestRows, type Neighbours } from '@stemkit/inspect'
import type { Report, Section } from '@stemkit/report'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { TableText } from '../terminal/table.ts'
import { cos, show, tokenText } from './show.ts'
import type { NeighboursFlags } from './verbs.ts'
import { withModel } from './with-model.ts'

interface Named {
  readonly id: number
  readonly text: string
}

interface NamedNeighbours extends Named {
  readonly layers: readonly {
    readonly layer: number
    readonly nearest: readonly (Named & { readonly cosine: number })[]
  }[]
}

export async function showNeighbours(folder: string, options: NeighboursFlags): Promise<void> {
  await withModel(folder, options, async ({ model, signal, openEngine, progress }) => {
    const tokenizer = await model.tokenizer()
    const of = idsOf(options, tokenizer)
    const tables = model.tables()
    const { budget, count } = options
    const engine = await openEngine()
    const onProgress = progress('reading rows')
    const found = await nearestRows(tables, { engine, of, count, budget, signal, onProgress })
    const tokens = found.map((each) => named(each, tokenizer))
    // What the largest of V - 1 cosines of deviation w^-1/2 comes to.
    const chance = Math.sqrt((2 * Math.log(tables.rows)) / tables.width)
    const data = { model: folder, chance, tokens }
    await show({ data, tables: tokens.map(tableOf), report: () => reportOf(folder, tokens, chance) }, options)
  })
}

function idsOf({ token = [], id = [] }: NeighboursFlags, tokenizer: Tokenizer): Uint32Array {
  const ids = new Set([...token.flatMap((text) => Array.from(tokenizer.encode(text))), ...id])
  if (ids.size === 0) throw new StemkitError('bad-input', 'inspect neighbours: name a token by --token or --id')
  return Uint32Array.from(ids)
}

const named = ({ id, layers }: Neighbours, tokenizer: Tokenizer): NamedNeighbours => ({
  id,
  text: tokenText(tokenizer, id),
  layers: layers.map(({ layer, nearest }) => ({
    layer,
    nearest: nearest.map((each) => ({ ...each, text: tokenText(tokenizer, each.id) })),
  })),
})

function tableOf({ id, text, layers }: NamedNeighbours): TableText {
  const most = Math.max(...layers.map(({ nearest }) => nearest.length))
  return {
    head: [`${text} (${id})`, ...layers.map(({ layer }) => `layer ${layer}`)],
    rows: Array.from({ length: most }, (_, i) => [
      String(i + 1),
      ...layers.map(({ nearest }) => (nearest[i] ? `${nearest[i].text} ${cos(nearest[i].cosine)}` : '')),
    ]),
  }
}

function reportOf(model: string, tokens: readonly NamedNeighbours[], chance: number): Report {
  const layers = tokens[0]!.layers.map(({ layer }) => layer)
  return {
    title: 'Nearest rows',
    summary: `${model}: the rows whose direction is nearest to that of a token's row, by cosine, in each of ${layers.length} tables. A dot stands for a space. Of random rows the nearest has a cosine of about ${cos(chance)}: less means nothing.`,
    sections: tokens.flatMap((token): Section[] => {
      const { head, rows } = tableOf(token)
      return [
        { kind: 'table', heading: `${token.text} (token ${token.id})`, columns: ['nearest', ...head.slice(1)], rows },
        {
          kind: 'chart',
          heading: `${token.text}: how near`,
          chart: {
            type: 'heatmap',
            title: `Cosine of the nearest rows to ${token.text}, nearest first, by layer.`,
            x: { label: 'place', values: rows.map(([place]) => place!) },
            y: { label: 'layer', values: token.layers.map(({ layer }) => layer) },
            values: token.layers.map(({ nearest }) => rows.map((_, i) => nearest[i]?.cosine ?? NaN)),
            value: { label: 'cosine' },
          },
        },
      ]
    }),
  }
}
