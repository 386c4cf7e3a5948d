import { listWeights, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { arenaBytes, createArena, type Arena } from '@stemkit/threads'
import type { RowGroups } from './optimizer/tasks.ts'
import type { ResidentTable } from './rows/resident-rows.ts'
import type { RowMemory, RowOptimizer } from './rows/row-optimizer.ts'
import type { RowBlock } from './rows/table-rows.ts'
import type { NamedArray } from './trainer.ts'

/** How table rows are trained; see `createTrainer`. */
export type Treatment = 'lazy' | 'dense' | 'official'

/** Values, gradients and both moments of some weights: four arrays of equal length, weights at equal places. */
export interface Region {
  readonly values: Float32Array
  readonly gradients: Float32Array
  readonly moments: Float32Array
  readonly squares: Float32Array
  readonly decays: boolean
  /** Which norm they are clipped by. */
  readonly clipGroup: 'backbone' | 'tables'
}

/** Where everything that an optimiser moves lies in memory. */
export interface Parameters {
  readonly arena: Arena
  readonly regions: readonly Region[]
  /** Tables that are trained by the row. */
  readonly tables: readonly RowBlock[]
  /** The same tables with all their rows, if these are to be in memory. */
  readonly residentTables: readonly ResidentTable[]
  /** Room for the rows that a store keeps in memory. */
  readonly slab: Float32Array
  /** Row ids of a step. */
  readonly rowIds: Uint32Array
  readonly weights: ReadonlyMap<string, NamedArray>
  readonly moments: ReadonlyMap<string, NamedArray>
  readonly squares: ReadonlyMap<string, NamedArray>
  /** Gradients of the regions' weights by name. */
  readonly gradients: ReadonlyMap<string, Float32Array>
  /** By weight, a second place for the gradient, of micro-batches after the first; empty if there are none. */
  readonly extraGradients: ReadonlyMap<string, Float32Array>
  /** Of weights whose rows a graph gathers. */
  readonly summands: ReadonlyMap<string, SummandRoom>
}

/** Room for the gradient of rows as the graph gives it, a row for each of N positions, and for which position belongs to which row. */
export interface SummandRoom {
  /** [N, width] */
  readonly summands: Float32Array
  readonly width: number
  readonly groups: RowGroups
}

export interface ParameterOptions {
  readonly config: ModelConfig
  readonly custom?: CustomFeedForwards | undefined
  readonly treatment: Treatment
  /** Of tables that are trained by the row. */
  readonly rowOptimizer: RowOptimizer
  /** N: positions of a micro-batch. */
  readonly positions: number
  /** Most rows that a step can use. */
  readonly mostRows: number
  /** Whether gradients of several micro-batches are added up. */
  readonly accumulates: boolean
  /** Bytes for rows of tables that a store holds. Default: tables are in memory as a whole. */
  readonly slabBytes?: number | undefined
  /** Whether threads are to share the memory. */
  readonly shared: boolean
}

/** The weight beside tables of which a graph gathers rows. */
const EMBEDDING = 'model.embed_tokens.weight'

/** Cache lines of 16 floats, so that weights of a region stay aligned. */
const align = (length: number): number => Math.ceil(length / 16) * 16

/**
 * Lays out all weights of a model: matrices (which decay) side by side, then norm gains, then tables that are trained
 * as a whole; tables trained by the row are apart. Everything is zero.
 * @throws StemkitError 'unsupported' if it does not fit 4 GB
 */
export function layOutParameters(options: ParameterOptions): Parameters {
  const { config, custom, treatment, rowOptimizer, positions, mostRows, accumulates, shared, slabBytes } = options
  const specs = [...listWeights(config, custom)]
  const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
  const lazy = treatment === 'lazy' ? specs.filter(([, { role }]) => role === 'table') : []
  const dense = specs.filter((spec) => !lazy.includes(spec))
  /** What the row optimiser keeps of a table. */
  const stateSizes = (shape: readonly number[]): number[] =>
    rowOptimizer === 'adamw' ? [sizeOf(shape), sizeOf(shape)] : [shape[0]!]
  const groups = groupsOf(treatment).map((group) => {
    const members = dense.filter(([, { role }]) => group.roles.includes(role))
    return { ...group, members, length: members.reduce((sum, [, { shape }]) => sum + align(sizeOf(shape)), 0) }
  })
  const used = groups.filter(({ length }) => length > 0)
  const copies = accumulates ? 2 : 1
  const slabFloats = Math.floor((slabBytes ?? 0) / 4)
  /** A table's room for summands and its second gradient are never used together. */
  const mostSummands = Math.max(positions, accumulates ? mostRows : 0)
  /** Trained as a whole, though a batch reads some of their rows only. */
  const gathered = dense.filter(([name, { role }]) => role === 'table' || name === EMBEDDING)

  const arena = createArena(
    arenaBytes([
      ...used.flatMap(({ length }) => Array.from({ length: 3 + copies }, () => length)),
      ...lazy.flatMap(([, { shape }]) => [
        ...(slabBytes === undefined ? [sizeOf(shape), ...stateSizes(shape)] : []),
        ...[mostRows, mostRows, mostSummands].map((rows) => rows * shape[1]!),
        mostRows + 1,
        positions,
      ]),
      ...gathered.flatMap(([, { shape }]) => [positions * shape[1]!, shape[0]! + 1, positions]),
      mostRows,
      slabFloats,
    ]),
    {
      shared,
      what: 'optimiser memory',
      advice:
        `which is ${2 ** 32 / 16} parameters with their gradients and both moments; ` +
        'make the model or its resident tables smaller',
    },
  )

  const weights = new Map<string, NamedArray>()
  const moments = new Map<string, NamedArray>()
  const squares = new Map<string, NamedArray>()
  const gradients = new Map<string, Float32Array>()
  const extraGradients = new Map<string, Float32Array>()
  const summands = new Map<string, SummandRoom>()
  const addSummands = (name: string, room: Float32Array, width: number, rows: number): void => {
    summands.set(name, {
      summands: room.subarray(0, positions * width),
      width,
      groups: { starts: arena.uint32(rows + 1), positions: arena.uint32(positions) },
    })
  }
  const regions = used.map(({ members, length, decays, clipGroup }): Region => {
    const region = {
      values: arena.float32(length),
      gradients: arena.float32(length),
      moments: arena.float32(length),
      squares: arena.float32(length),
      decays,
      clipGroup,
    }
    const extra = accumulates ? arena.float32(length) : undefined
    let at = 0
    for (const [name, { shape }] of members) {
      const part = (array: Float32Array): Float32Array => array.subarray(at, at + sizeOf(shape))
      weights.set(name, { shape, data: part(region.values) })
      moments.set(name, { shape, data: part(region.moments) })
      squares.set(name, { shape, data: part(region.squares) })
      gradients.set(name, part(region.gradients))
      if (extra) extraGradients.set(name, part(extra))
      at += align(sizeOf(shape))
    }
    return region
  })

  function stateOf(name: string, shape: readonly number[]): RowMemory {
    const [first, second] = stateSizes(shape).map((length) => arena.float32(length))
    if (!second) {
      squares.set(name, { shape: [shape[0]!], data: first! })
      return { sums: first!, sumStride: 1 }
    }
    moments.set(name, { shape, data: first! })
    squares.set(name, { shape, data: second })
    return { moments: first!, squares: second }
  }

  const residentTables: ResidentTable[] = []
  const tables = lazy.map(([name, { shape }]): RowBlock => {
    const [rows, width] = shape as [number, number]
    const block = {
      name,
      shape: [rows, width] as const,
      rows: arena.float32(mostRows * width),
      rowGradients: arena.float32(mostRows * width),
    }
    const room = arena.float32(mostSummands * width)
    if (accumulates) extraGradients.set(name, room)
    addSummands(name, room, width, mostRows)
    if (slabBytes === undefined) {
      const values = arena.float32(rows * width)
      weights.set(name, { shape, data: values })
      residentTables.push({ ...block, values, state: stateOf(name, shape) })
    }
    return block
  })

  for (const [name, { shape }] of gathered) {
    const [rows, width] = shape as [number, number]
    addSummands(name, arena.float32(positions * width), width, rows)
  }

  const inOrder = (map: Map<string, NamedArray>): Map<string, NamedArray> =>
    new Map(specs.flatMap(([name]) => (map.has(name) ? [[name, map.get(name)!]] : [])))
  return {
    arena,
    regions,
    tables,
    residentTables,
    slab: arena.float32(slabFloats),
    rowIds: arena.uint32(mostRows),
    weights: inOrder(weights),
    moments: inOrder(moments),
    squares: inOrder(squares),
    gradients,
    extraGradients,
    summands,
  }
}

interface Group {
  readonly roles: readonly string[]
  readonly decays: boolean
  readonly clipGroup: Region['clipGroup']
}

function groupsOf(treatment: Treatment): Group[] {
  if (treatment === 'official') {
    return [
      { roles: ['matrix', 'gain'], decays: true, clipGroup: 'backbone' },
      { roles: ['table'], decays: true, clipGroup: 'tables' },
    ]
  }
  return [
    { roles: ['matrix', 'table'], decays: true, clipGroup: 'backbone' },
    { roles: ['gain'], decays: false, clipGroup: 'backbone' },
  ]
}

/**
 * Checks that arrays have the names and shapes of others.
 * @throws StemkitError 'bad-input' naming one that is missing, unknown or of another shape
 */
export function requireSameShapes(
  target: ReadonlyMap<string, NamedArray>,
  source: ReadonlyMap<string, NamedArray>,
): void {
  for (const name of source.keys()) {
    if (!target.has(name)) throw new StemkitError('bad-input', `weights: ${name} is not one of this model`)
  }
  for (const [name, { shape }] of target) {
    const given = source.get(name)
    if (!given) throw new StemkitError('bad-input', `weights: ${name} is missing`)
    if (given.shape.join() !== shape.join()) {
      throw new StemkitError(
        'bad-input',
        `weights: ${name} has shape [${given.shape.join()}], this model wants [${shape.join()}]`,
      )
    }
  }
}

/** Copies arrays into live memory, all or, where they do not fit, none. Throws as `requireSameShapes` does. */
export function copyInto(target: ReadonlyMap<string, NamedArray>, source: ReadonlyMap<string, NamedArray>): void {
  requireSameShapes(target, source)
  for (const [name, { data }] of target) data.set(source.get(name)!.data)
}
