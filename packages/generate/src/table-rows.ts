import { listWeights, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowPlan, createRowStore, memoryRows, type RowStore } from '@stemkit/store'

/** The table rows of one sequence. */
interface SequenceRows {
  /** Row of each position in the blocks [T]. */
  readonly inverse: Int32Array
  /** By table: the rows of the distinct ids [U, w]. */
  readonly blocks: Readonly<Record<string, Float32Array>>
}

export interface TableRows {
  gather(ids: Int32Array, signal?: AbortSignal): Promise<SequenceRows>
  dispose(): Promise<void>
}

export interface TableRowsOptions {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly custom?: CustomFeedForwards | undefined
  readonly rows?: RowStore | undefined
}

/** The tables of a model by name, with their shapes [V, w], in the order of their layers. */
const tablesOf = (config: ModelConfig, custom?: CustomFeedForwards): [string, readonly [number, number]][] =>
  [...listWeights(config, custom)]
    .filter(([, { role }]) => role === 'table')
    .map(([name, { shape }]) => [name, shape as readonly [number, number]])

/**
 * Where the rows of a model's tables come from: a store, or the weights' own memory, of which nothing is copied until
 * rows are asked for.
 * @throws bad-input for a store that is not one of this model's tables
 */
export function openTableRows({ config, weights, custom, rows }: TableRowsOptions): TableRows {
  const tables = tablesOf(config, custom)
  if (rows) requireTables(rows, tables)
  const groups = rows
    ? [{ store: rows, names: tables.map(([name]) => name) }]
    : tables.map(([name, [count, width]]) => {
        const driver = memoryRows({ rows: count, rowBytes: 4 * width, buffer: weights.get(name)!.data })
        const layout = { layers: 1, width, dtype: 'f32', state: 'none' } as const
        return { store: createRowStore({ table: { ...driver, layout } }), names: [name] }
      })
  const scratch = new Int32Array(tables.length === 0 ? 0 : config.vocabSize)

  return {
    async gather(ids, signal) {
      if (tables.length === 0) return { inverse: new Int32Array(ids.length), blocks: {} }
      const plan = createRowPlan(ids, { rows: config.vocabSize, scratch })
      const blocks: Record<string, Float32Array> = {}
      for (const { store, names } of groups) {
        const size = plan.unique.length * store.layout.width
        const all = new Float32Array(names.length * size)
        await store.gather(plan, all, signal ? { signal } : {})
        for (const [layer, name] of names.entries()) blocks[name] = all.subarray(layer * size, (layer + 1) * size)
      }
      return { inverse: plan.inverse, blocks }
    },
    async dispose() {
      for (const { store } of groups) await store.dispose()
    },
  }
}

function requireTables({ rows, layout }: RowStore, tables: ReturnType<typeof tablesOf>): void {
  const wrong = tables.find(([, [count, width]]) => count !== rows || width !== layout.width)
  if (tables.length === layout.layers && !wrong) return
  const [count, width] = wrong?.[1] ?? tables[0]?.[1] ?? [0, 0]
  throw new StemkitError(
    'bad-input',
    `model: the store has ${rows} rows of ${layout.layers} layers of ${layout.width}, but the config asks for ${count} rows of ${tables.length} layers of ${width}`,
  )
}
