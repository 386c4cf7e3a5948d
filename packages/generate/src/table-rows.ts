import { listWeights, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowPlan, createRowStore, memoryRows, type RowStore } from '@stemkit/store'
import { floatsOf } from './floats-of.ts'
import type { ModelWeight } from './model.ts'
import { nameOfRows, type RowKeys, type RowSource } from './rows/row-source.ts'

/** The table rows of one sequence. */
interface SequenceRows {
  /** Row of each position in the blocks [T]. */
  readonly inverse: Int32Array
  /** By table: the rows of the distinct ids [U, w]. */
  readonly blocks: Readonly<Record<string, Float32Array>>
}

export interface GatherOptions {
  readonly signal?: AbortSignal | undefined
  /** Where the ids stand in their sequence; by default they are its beginning. */
  readonly positions?: Int32Array | undefined
  /** Memory of this length for the rows, which may have been used before. Default: new. */
  readonly memory?: ((length: number) => Float32Array) | undefined
}

/** The rows of a model's tables, by token id. */
export interface TableRows {
  /** Table and version, with overlays, as it is now; undefined for tables without versions. */
  readonly name?: string | undefined
  /** By which other sequences may find what was computed with them. */
  readonly keys?: RowKeys | undefined
  gather(ids: Int32Array, options?: GatherOptions): Promise<SequenceRows>
  /** Fetches rows that will be gathered soon. Absent where all are in memory. Errors are left to `gather`. */
  prefetch?(ids: Int32Array, signal?: AbortSignal): void
  dispose(): Promise<void>
}

export interface TableRowsOptions {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, ModelWeight>
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
export function openTableRows(options: TableRowsOptions): TableRows {
  const { config, weights, custom, rows } = options
  if (rows) return sourceRows(options, rows, { dispose: () => rows.dispose() })
  const tables = tablesOf(config, custom)
  const stores = tables.map(([name, [count, width]]) => {
    const { data: buffer, dtype } = tableOf(weights.get(name)!, width)
    const driver = memoryRows({ rows: count, rowBytes: (dtype === 'f32' ? 4 : 2) * width, buffer })
    const layout = { layers: 1, width, dtype, state: 'none' } as const
    return { store: createRowStore({ table: { ...driver, layout } }), names: [name] }
  })
  return {
    gather: gatherer(config.vocabSize, stores),
    async dispose() {
      for (const { store } of stores) await store.dispose()
    },
  }
}

/** A table in the type that its rows are stored in. Stored rows are whole words, which an odd number of half ones is not. */
function tableOf(table: ModelWeight, width: number): { data: ArrayBufferView; dtype: 'f32' | 'f16' | 'bf16' } {
  const { data } = table
  if (data instanceof Float32Array) return { data, dtype: 'f32' }
  const dtype = 'dtype' in table ? table.dtype : 'f16'
  return width % 2 === 0 ? { data, dtype } : { data: floatsOf(table), dtype: 'f32' }
}

/**
 * A model's tables in a source of rows, which stays the caller's unless `dispose` says otherwise. With `extra` it may have
 * more rows than there are tokens.
 * @throws bad-input for a source that is not one of this model's tables
 */
export function sourceRows(
  { config, custom }: Pick<TableRowsOptions, 'config' | 'custom'>,
  source: RowSource,
  { dispose = async () => {}, extra = false }: { dispose?: TableRows['dispose']; readonly extra?: boolean } = {},
): TableRows {
  const tables = tablesOf(config, custom)
  const rows = extra ? Math.min(source.rows, config.vocabSize) : source.rows
  requireTables({ rows, layout: source.layout }, tables)
  return {
    get name() {
      return nameOfRows(source)
    },
    keys: source.keys,
    gather: gatherer(source.rows, [{ store: source, names: tables.map(([name]) => name) }]),
    prefetch(ids, signal) {
      source.prefetch(createRowPlan(ids), signal ? { signal } : {}).catch(() => {})
    },
    dispose,
  }
}

function gatherer(
  rows: number,
  groups: readonly { readonly store: Pick<RowSource, 'gather' | 'layout'>; readonly names: readonly string[] }[],
): TableRows['gather'] {
  if (groups.length === 0) return async (ids) => ({ inverse: new Int32Array(ids.length), blocks: {} })
  const scratch = new Int32Array(rows)
  const widths = groups.reduce((sum, { store, names }) => sum + names.length * store.layout.width, 0)
  return async (ids, { signal, memory = (length: number) => new Float32Array(length) } = {}) => {
    const plan = createRowPlan(ids, { rows, scratch })
    const { length: count } = plan.unique
    const all = memory(count * widths)
    const blocks: Record<string, Float32Array> = {}
    let offset = 0
    for (const { store, names } of groups) {
      const size = count * store.layout.width
      const start = offset
      offset += names.length * size
      await store.gather(plan, all.subarray(start, offset), signal ? { signal } : {})
      for (const [layer, name] of names.entries()) {
        blocks[name] = all.subarray(start + layer * size, start + (layer + 1) * size)
      }
    }
    return { inverse: plan.inverse, blocks }
  }
}

function requireTables(
  { rows, layout }: Pick<RowSource, 'rows' | 'layout'>,
  tables: ReturnType<typeof tablesOf>,
): void {
  const wrong = tables.find(([, [count, width]]) => count !== rows || width !== layout.width)
  if (tables.length === layout.layers && !wrong) return
  const [count, width] = wrong?.[1] ?? tables[0]?.[1] ?? [0, 0]
  throw new StemkitError(
    'bad-input',
    `model: the store has ${rows} rows of ${layout.layers} layers of ${layout.width}, but the config asks for ${count} rows of ${tables.length} layers of ${width}`,
  )
}
