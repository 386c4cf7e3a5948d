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
  const { seed, custom, tableInit = 'xavier-normal', allocate = (_, length) => new Float32Array(length) } = options
  if (!TABLE_INITS.includes(tableInit)) {
    throw new StemkitError('bad-input', `tableInit '${String(tableInit)}' is none of ${TABLE_INITS.join(', ')}`)
  }
  const weights = new Map<string, NamedArray>()
  for (const [name, { shape, role, std }] of listWeights(config, custom)) {
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

/** A stream per row, so that rows can be made one at a time, in any order. */
function fillTable(data: Float32Array, width: number, std: number, key: string): void {
  for (let start = 0; start < data.length; start += width) {
    fillNormal(data.subarray(start, start + width), `${key}/${start / width}`, { std })
  }
}
