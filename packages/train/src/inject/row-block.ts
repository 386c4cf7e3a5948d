import { listWeights, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowStore } from '@stemkit/store'

/** Where the rows of a model's tables are read: a `RowStore`, or the rows of one under edits. */
export type ReadableRows = Pick<RowStore, 'rows' | 'layout' | 'gather'> & Partial<Pick<RowStore, 'capacity'>>

/** The rows that some texts read: no others are in memory, however large the tables are. */
export interface RowBlock {
  /** Tables by name, in the order of their layers: the rows of the block [U, w]. */
  readonly tables: Readonly<Record<string, Float32Array>>
  readonly names: readonly string[]
  readonly width: number
  /** Where a token's row lies in the block. */
  placeOf(token: number): number
}

/** @throws bad-input for rows that are not those of this model's tables */
export async function readRowBlock(
  model: { readonly config: ModelConfig; readonly custom?: CustomFeedForwards | undefined },
  rows: ReadableRows,
  tokens: Iterable<number>,
  signal: AbortSignal | undefined,
): Promise<RowBlock> {
  const shapes = [...listWeights(model.config, model.custom)].filter(([, { role }]) => role === 'table')
  const names = shapes.map(([name]) => name)
  const { layers, width } = rows.layout
  const fits = shapes.every(([, { shape }]) => shape[0]! <= rows.rows && shape[1] === width)
  if (names.length === 0 || names.length !== layers || !fits) {
    throw new StemkitError(
      'bad-input',
      `inject: the rows are ${layers} layers of ${width}, the model has ${names.length} tables; give it its own rows`,
    )
  }
  const unique = Uint32Array.from(new Set(tokens)).toSorted()
  const all = await gatherAll(rows, unique, signal)
  const size = unique.length * width
  const places = new Map(Array.from(unique, (token, place) => [token, place]))
  return {
    names,
    width,
    tables: Object.fromEntries(names.map((name, t) => [name, all.subarray(t * size, (t + 1) * size)])),
    placeOf: (token) => places.get(token)!,
  }
}

/** [L, U, w]. A store with a budget takes no more rows at once than that holds. */
async function gatherAll(rows: ReadableRows, unique: Uint32Array, signal: AbortSignal | undefined) {
  const { layers, width } = rows.layout
  const all = new Float32Array(layers * unique.length * width)
  const most = rows.capacity || unique.length
  for (let from = 0; from < unique.length; from += most) {
    const part = unique.subarray(from, from + most)
    const blocks = new Float32Array(layers * part.length * width)
    await rows.gather({ unique: part }, blocks, signal ? { signal } : {})
    for (let layer = 0; layer < layers; layer++) {
      const own = blocks.subarray(layer * part.length * width, (layer + 1) * part.length * width)
      all.set(own, (layer * unique.length + from) * width)
    }
  }
  return all
}
