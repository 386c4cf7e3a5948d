import { listWeights, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { RowStore } from '@stemkit/store'
import { toFloat32, type TensorSource } from '@stemkit/weights'

/** Tables of one size, one for each STEM layer, whose rows are read as they are asked for. */
export interface Tables {
  /** The layer of the model that each table belongs to, L of them, ascending. */
  readonly layers: readonly number[]
  /** V. */
  readonly rows: number
  /** w. */
  readonly width: number
  /** Fills `into` [L, n, w] with the rows `ids` [n] of every table. Ids are ascending and distinct. */
  gather(ids: Uint32Array, into: Float32Array, options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** What says which tables a model has. */
export interface TableOwner {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
}

interface NamedTable {
  readonly name: string
  readonly layer: number
}

/**
 * The names of a model's tables and the size that they share.
 * @throws bad-input for a model without tables, or with tables of different sizes
 */
export function tablesOfModel({ config, custom }: TableOwner): {
  readonly tables: readonly NamedTable[]
  readonly rows: number
  readonly width: number
} {
  const found = [...listWeights(config, custom)].filter(([, { role }]) => role === 'table')
  const [rows, width] = (found[0]?.[1].shape ?? [0, 0]) as [number, number]
  const odd = found.find(([, { shape }]) => shape[0] !== rows || shape[1] !== width)
  if (found.length === 0 || odd) {
    const why = odd
      ? `${odd[0]} is [${odd[1].shape.join(', ')}], the first is [${rows}, ${width}]`
      : 'this one has none'
    throw new StemkitError('bad-input', `inspect: a model with tables of one size is needed; ${why}`)
  }
  const tables = found.map(([name]) => ({ name, layer: Number(/\.layers\.(\d+)\./.exec(name)![1]) }))
  return { tables, rows, width }
}

/**
 * A model's tables where they lie among its weights: of a file, only the rows that are asked for are read.
 * @throws bad-input for a model without tables; not-found, from `gather`, for one that the source does not have
 */
export function tensorTables(owner: TableOwner, source: TensorSource): Tables {
  const { tables, rows, width } = tablesOfModel(owner)
  return {
    layers: tables.map(({ layer }) => layer),
    rows,
    width,
    async gather(ids, into, options = {}) {
      const runs = runsOf(ids)
      for (const [t, { name }] of tables.entries()) {
        let at = t * ids.length * width
        for (const { begin, end } of runs) {
          const part = into.subarray(at, at + (end - begin) * width)
          await readInto(source, name, { begin, end }, part, options)
          at += part.length
        }
      }
    },
  }
}

/** A model's tables in a store of rows, which stays the caller's. @throws bad-input for a store of another size */
export function storeTables(
  owner: TableOwner,
  store: Pick<RowStore, 'rows' | 'layout' | 'capacity' | 'gather'>,
): Tables {
  const { tables, rows, width } = tablesOfModel(owner)
  const { layout } = store
  if (store.rows !== rows || layout.layers !== tables.length || layout.width !== width) {
    throw new StemkitError(
      'bad-input',
      `inspect: the store has ${store.rows} rows of ${layout.layers} layers of ${layout.width}, the model asks for ${rows} rows of ${tables.length} layers of ${width}`,
    )
  }
  return {
    layers: tables.map(({ layer }) => layer),
    rows,
    width,
    async gather(ids, into, options) {
      // A store with a budget takes no more rows at once than that holds.
      const most = store.capacity || ids.length
      if (ids.length <= most) return store.gather({ unique: ids }, into, options)
      for (let from = 0; from < ids.length; from += most) {
        const unique = ids.subarray(from, from + most)
        const size = unique.length * width
        const part = new Float32Array(layout.layers * size)
        await store.gather({ unique }, part, options)
        for (let t = 0; t < layout.layers; t++) {
          into.set(part.subarray(t * size, (t + 1) * size), (t * ids.length + from) * width)
        }
      }
    },
  }
}

/** A model's tables in memory, by name [V, w]. @throws bad-input for a model without tables, not-found for a missing one */
export function arrayTables(
  owner: TableOwner,
  weights: ReadonlyMap<string, { readonly data: ArrayLike<number> }>,
): Tables {
  const { tables, rows, width } = tablesOfModel(owner)
  const arrays = tables.map(({ name }) => {
    const array = weights.get(name)?.data
    if (array instanceof Float32Array) return array
    throw new StemkitError('not-found', `inspect: the weights have no floats '${name}'`)
  })
  return {
    layers: tables.map(({ layer }) => layer),
    rows,
    width,
    async gather(ids, into) {
      for (const [t, array] of arrays.entries()) {
        for (const [i, id] of ids.entries()) {
          into.set(array.subarray(id * width, (id + 1) * width), (t * ids.length + i) * width)
        }
      }
    },
  }
}

/** Ascending ids as ranges of consecutive ones, so that neighbours are one read. */
function runsOf(ids: Uint32Array): { begin: number; end: number }[] {
  const runs: { begin: number; end: number }[] = []
  for (const id of ids) {
    const last = runs.at(-1)
    if (last?.end === id) last.end++
    else runs.push({ begin: id, end: id + 1 })
  }
  return runs
}

async function readInto(
  source: TensorSource,
  name: string,
  rows: { readonly begin: number; readonly end: number },
  into: Float32Array,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
  if (source.tensors.get(name)?.dtype === 'F32') await source.read(name, { rows, into: bytes, ...options })
  else into.set(toFloat32(await source.read(name, { rows, ...options })))
}
