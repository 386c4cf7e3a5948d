import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { CustomFeedForwards } from './feed-forward.ts'
import { listWeights } from './list-weights.ts'
import { fillNormal } from './random.ts'

/** Standard deviation of new table entries, by name; tables are V x w. */
const TABLE_STD = {
  /** The published one: sqrt(2 / (V + w)). Small, so STEM layers start almost silent. */
  'xavier-normal': (rows: number, width: number) => Math.sqrt(2 / (rows + width)),
  /** As the input embedding: dim^-1/2. */
  embedding: (_rows: number, _width: number, dim: number) => dim ** -0.5,
  /** 1: the size of the up-projections that the rows stand in for. */
  unit: () => 1,
} satisfies Record<string, (rows: number, width: number, dim: number) => number>

export type TableInit = keyof typeof TABLE_STD

/** The names of the table initialisations. */
export const TABLE_INITS = Object.keys(TABLE_STD) as readonly TableInit[]

export interface InitOptions {
  readonly seed: number
  /** Default `xavier-normal`. */
  readonly tableInit?: TableInit
  readonly custom?: CustomFeedForwards
  /** False leaves the tables out, whose rows can be made one at a time by `tableRowInitializer`. Default true. */
  readonly tables?: boolean
  /** Memory for a weight of `length` zeros, such as a part of a shared buffer. Default: an array of its own. */
  readonly allocate?: (name: string, length: number) => Float32Array
}

export interface NamedArray {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/**
 * New weights, tables with all V rows, in the order of `listWeights`. Matrices are normal with deviation in^-1/2, cut at
 * three deviations; norm gains are 1; tables are normal. A weight's numbers depend on the seed and its own name only (a
 * table row's also on its id), so a model keeps them when other layers change.
 * @throws bad-input for an unknown `tableInit`, not-found for an unknown kind of feed-forward
 */
export function initializeWeights(config: ModelConfig, options: InitOptions): Map<string, NamedArray> {
  const { seed, custom, tables = true, allocate = (_, length) => new Float32Array(length) } = options
  const tableInit = tableInitOf(options)
  const weights = new Map<string, NamedArray>()
  for (const [name, { shape, role, std }] of listWeights(config, custom)) {
    if (role === 'table' && !tables) continue
    const length = shape.reduce((a, b) => a * b, 1)
    const width = shape.at(-1)!
    const data = allocate(name, length)
    const key = `${seed}/${name}`
    if (role === 'gain') data.fill(1)
    else if (role === 'table') fillTable(data, width, TABLE_STD[tableInit](length / width, width, config.dim), key)
    else fillNormal(data, key, { std: std ?? width ** -0.5, cut: 3 })
    weights.set(name, { shape, data })
  }
  return weights
}

/**
 * Makes the rows of new tables one at a time: the function fills `into` [L, w] with row `id` of every table, in the order
 * of `listWeights`, with the numbers that `initializeWeights` gives them.
 * @throws bad-input for an unknown `tableInit`, for a model without tables, or with tables of different widths or rows
 */
export function tableRowInitializer(
  config: ModelConfig,
  options: Pick<InitOptions, 'seed' | 'tableInit' | 'custom'>,
): {
  readonly rows: number
  readonly layers: number
  readonly width: number
  fill(id: number, into: Float32Array): void
} {
  const std = TABLE_STD[tableInitOf(options)]
  const tables = [...listWeights(config, options.custom)].filter(([, { role }]) => role === 'table')
  const [rows, width] = (tables[0]?.[1].shape ?? [0, 0]) as [number, number]
  const odd = tables.find(([, { shape }]) => shape[0] !== rows || shape[1] !== width)
  if (tables.length === 0 || odd) {
    const why = odd
      ? `${odd[0]} is [${odd[1].shape.join(', ')}], the first is [${rows}, ${width}]`
      : 'the model has none'
    throw new StemkitError('bad-input', `table rows: tables of one size are needed; ${why}`)
  }
  const keys = tables.map(([name]) => `${options.seed}/${name}`)
  return {
    rows,
    layers: tables.length,
    width,
    fill(id, into) {
      for (const [layer, key] of keys.entries()) {
        fillRow(into.subarray(layer * width, (layer + 1) * width), id, std(rows, width, config.dim), key)
      }
    },
  }
}

function tableInitOf({ tableInit = 'xavier-normal' }: Pick<InitOptions, 'tableInit'>): TableInit {
  if (TABLE_INITS.includes(tableInit)) return tableInit
  throw new StemkitError('bad-input', `tableInit '${String(tableInit)}' is none of ${TABLE_INITS.join(', ')}`)
}

function fillTable(data: Float32Array, width: number, std: number, key: string): void {
  for (let id = 0; id * width < data.length; id++) {
    fillRow(data.subarray(id * width, (id + 1) * width), id, std, key)
  }
}

/** A stream per row, so that rows can be made one at a time, in any order. */
const fillRow = (row: Float32Array, id: number, std: number, key: string): void =>
  fillNormal(row, `${key}/${id}`, { std })
