import { StemkitError } from '@stemkit/spec/errors'

/** AdamW's numbers at one step. */
export interface AdamUpdate {
  readonly learningRate: number
  /** Optimiser steps including this one, from 1. */
  readonly t: number
  /** What gradients are multiplied by first: clipping. */
  readonly gradScale: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
}

/** Row-wise Adagrad's numbers at one step. */
export type AdagradUpdate = Pick<AdamUpdate, 'learningRate' | 'gradScale' | 'epsilon'>

/** Four arrays [n] of one memory. */
export interface Moving {
  readonly parameters: Float32Array
  /** First moments m. */
  readonly moments: Float32Array
  /** Second moments v. */
  readonly squares: Float32Array
  readonly gradients: Float32Array
}

/** Rows of a table, [layers, width] each, beside one block per layer [layers, U, width]. */
export interface Rows {
  /** The rows [U], each at most once. */
  readonly ids: Uint32Array
  readonly layers: number
  /** Floats of a row in one layer. */
  readonly width: number
  /** Floats from one row to the next. Default: layers * width. */
  readonly stride?: number
}

/** Rows of `into` [rows, width] as sums of rows of `summands` [N, width]. */
export interface RowSums {
  readonly into: Float32Array
  readonly summands: Float32Array
  readonly groups: RowGroups
  readonly width: number
  /** Whether the sums are added to what is in `into`. */
  readonly keep: boolean
}

/** Which of N positions belong to which row: those of row r are positions[starts[r]] to positions[starts[r + 1] - 1]. */
export interface RowGroups {
  /** [rows + 1], ascending. */
  readonly starts: Uint32Array
  /** [N] */
  readonly positions: Uint32Array
}

/** A piece of work over float32 arrays that lie in one memory. Those of one job must not depend on each other. */
export type Task =
  | ({ readonly kernel: 'adamw'; readonly update: AdamUpdate } & Moving)
  | ({ readonly kernel: 'adamwRows'; readonly update: AdamUpdate } & Moving & Rows)
  | ({
      readonly kernel: 'rowwiseAdagrad'
      readonly update: AdagradUpdate
      readonly parameters: Float32Array
      /** A number for each layer of a row [layers], `sumStride` floats from row to row. */
      readonly sums: Float32Array
      readonly sumStride: number
      readonly gradients: Float32Array
    } & Rows)
  | ({
      readonly kernel: 'gatherRows' | 'scatterRows'
      readonly table: Float32Array
      readonly block: Float32Array
    } & Rows)
  | ({ readonly kernel: 'sumRows' } & RowSums)
  | { readonly kernel: 'sumOfSquares' | 'zero'; readonly values: Float32Array }
  | { readonly kernel: 'addInto'; readonly into: Float32Array; readonly values: Float32Array }
  | { readonly kernel: 'scale'; readonly values: Float32Array; readonly factor: number }

/** The exported functions of the module; a task names its kernel by its index here. */
export const KERNELS = [
  'adamw',
  'adamwRows',
  'rowwiseAdagrad',
  'gatherRows',
  'scatterRows',
  'sumRows',
  'sumOfSquares',
  'addInto',
  'scale',
  'zero',
] as const satisfies readonly Task['kernel'][]

/** Floats that a thread takes at a time: 64 KiB. A multiple of what `sumOfSquares` adds up before rounding to 64 bits. */
const CHUNK = 16384

/** A task as the threads see it: items [0, items), `chunk` of them at a time, then the kernel's further arguments. */
export interface Encoded {
  readonly kernel: number
  readonly items: number
  readonly chunk: number
  readonly args: readonly number[]
}

/**
 * @throws bad-input where an array is of another memory, too short, or a row is outside its table or named twice
 */
export function encode(task: Task, memory: WebAssembly.Memory): Encoded {
  const at = (array: Float32Array | Uint32Array, length: number): number => {
    if (array.buffer !== memory.buffer) throw wrong(task, 'an array is not in the memory of the pool')
    if (array.length < length) throw wrong(task, `an array has ${array.length} of ${length} numbers`)
    return array.byteOffset
  }
  const moving = (arrays: Moving, length: number, gradients: number): number[] => [
    at(arrays.parameters, length),
    at(arrays.moments, length),
    at(arrays.squares, length),
    at(arrays.gradients, gradients),
  ]
  const kernel = KERNELS.indexOf(task.kernel)
  const floats = (items: number, ...args: number[]): Encoded => ({ kernel, items, chunk: CHUNK, args })
  const rows = ({ ids, layers, width, stride = layers * width }: Rows, ...args: number[]): Encoded => ({
    kernel,
    items: ids.length,
    chunk: Math.max(1, Math.floor(CHUNK / (layers * width))),
    args: [...args, at(ids, ids.length), ids.length, layers, width, stride],
  })

  switch (task.kernel) {
    case 'adamw': {
      const { length } = task.parameters
      return floats(length, ...moving(task, length, length), ...scalars(task.update))
    }
    case 'adamwRows': {
      const { block, table } = extent(task, task.parameters)
      return rows(task, ...moving(task, table, block), ...scalars(task.update))
    }
    case 'rowwiseAdagrad': {
      const { block, table, reach } = extent(task, task.parameters)
      const { parameters, sums, sumStride, gradients, layers, update } = task
      if (sumStride < layers) throw wrong(task, `${layers} numbers of a row cannot begin ${sumStride} apart`)
      const arrays = [
        at(parameters, table),
        at(sums, reach === 0 ? 0 : (reach - 1) * sumStride + layers),
        at(gradients, block),
      ]
      return rows(task, ...arrays, update.gradScale, update.learningRate, update.epsilon, sumStride)
    }
    case 'gatherRows':
    case 'scatterRows': {
      const { block, table } = extent(task, task.table)
      return rows(task, at(task.table, table), at(task.block, block))
    }
    case 'sumRows': {
      const { into, summands, groups, width, keep } = task
      const items = groups.starts.length - 1
      checkGroups(task, groups, Math.floor(summands.length / width))
      const arrays = [at(into, items * width), at(summands, 0), at(groups.starts, 0), at(groups.positions, 0)]
      const chunk = Math.max(1, Math.floor(CHUNK / width))
      return { kernel, items, chunk, args: [...arrays, width, Number(keep)] }
    }
    case 'sumOfSquares':
    case 'zero':
      return floats(task.values.length, at(task.values, 0))
    case 'addInto':
      return floats(task.values.length, at(task.into, task.values.length), at(task.values, 0))
    case 'scale':
      return floats(task.values.length, at(task.values, 0), task.factor)
  }
}

/** What the kernel multiplies with: everything that is the same for all floats, computed in 64 bits. */
function scalars({ learningRate, t, gradScale, beta1, beta2, epsilon, weightDecay }: AdamUpdate): number[] {
  const stepSize = learningRate / (1 - beta1 ** t)
  const rootScale = 1 / Math.sqrt(1 - beta2 ** t)
  return [gradScale, learningRate * weightDecay, beta1, 1 - beta1, beta2, 1 - beta2, stepSize, rootScale, epsilon]
}

/** Lengths of the block of a task's rows and of the part of the table that they reach into, which has `reach` rows. */
function extent(
  task: Task & Rows,
  table: Float32Array,
): { readonly block: number; readonly table: number; readonly reach: number } {
  const { ids, layers, width, stride = layers * width } = task
  const size = layers * width
  if (stride < size) throw wrong(task, `rows of ${size} numbers cannot begin ${stride} apart`)
  const rows = table.length < size ? 0 : Math.floor((table.length - size) / stride) + 1
  let ascending = true
  let last = -1
  for (let u = 0; u < ids.length; u++) {
    if (ids[u]! >= rows) throw wrong(task, `row ${ids[u]} of a table of ${rows}`)
    if (u > 0 && ids[u]! <= ids[u - 1]!) ascending = false
    last = Math.max(last, ids[u]!)
  }
  if (!ascending) refuseTwice(task)
  return { block: ids.length * size, table: last < 0 ? 0 : last * stride + size, reach: last + 1 }
}

/** Two threads must not work on the same row. */
function refuseTwice(task: Task & Rows): void {
  const seen = new Set<number>()
  for (const id of task.ids) {
    if (seen.has(id)) throw wrong(task, `row ${id} is named twice`)
    seen.add(id)
  }
}

/** Kernels do not check where they read. */
function checkGroups(task: Task, { starts, positions }: RowGroups, summands: number): void {
  for (let r = 1; r < starts.length; r++) {
    if (starts[r]! < starts[r - 1]!) throw wrong(task, `row ${r - 1} ends before it begins`)
  }
  const used = starts.at(-1) ?? 0
  if (used > positions.length) throw wrong(task, `rows of ${used} summands, of which ${positions.length} are named`)
  for (let i = 0; i < used; i++) {
    if (positions[i]! >= summands) throw wrong(task, `summand ${positions[i]} of ${summands}`)
  }
}

const wrong = (task: Task, what: string): StemkitError => new StemkitError('bad-input', `${task.kernel}: ${what}`)
