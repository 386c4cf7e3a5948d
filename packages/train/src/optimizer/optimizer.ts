import { StemkitError } from '@stemkit/spec/errors'
import type { OptimizerPool } from './pool.ts'
import type { AdamUpdate, Moving, Rows, Task } from './tasks.ts'

/** Consecutive floats of the dense arrays that are decayed and clipped alike. */
export interface DenseGroup {
  /** In floats, the same in all four arrays. */
  readonly offset: number
  readonly length: number
  readonly weightDecay: number
  /** Gradients of one clip group are scaled together, by the norm over all of them. */
  readonly clipGroup: string
}

/** A table of rows, token-major: [V, layers * width] each. */
export interface TableGroup extends Omit<Rows, 'ids'> {
  readonly parameters: Float32Array
  readonly moments: Float32Array
  readonly squares: Float32Array
  readonly weightDecay: number
  readonly clipGroup: string
}

export interface OptimizerOptions {
  readonly pool: OptimizerPool
  /** Parameters, gradients and both moments of everything that is not a table. */
  readonly dense: Moving
  readonly groups: readonly DenseGroup[]
  readonly tables?: readonly TableGroup[]
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.95. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly epsilon?: number
}

/** What one step does to one table: only these rows change. */
export interface RowGradients {
  /** [U], ascending, in the memory of the pool. */
  readonly ids: Uint32Array
  /** [layers, U, width], in the memory of the pool. */
  readonly gradients: Float32Array
}

export interface OptimizerStep {
  readonly learningRate: number
  /** Optimiser steps including this one, from 1; one count for all parameters and rows. */
  readonly t: number
  /** Largest norm of a clip group; Infinity clips nothing. */
  readonly clipNorm: number
  /** Added to the norm before dividing by it. Default 1e-6. */
  readonly clipEpsilon?: number
  /** One for each table, in their order. */
  readonly rows?: readonly RowGradients[]
}

export interface OptimizerResult {
  /** Norm of the gradients of each clip group, before clipping. */
  readonly norms: Readonly<Record<string, number>>
  /** False if a norm is not finite: then nothing was changed. */
  readonly updated: boolean
}

export interface Optimizer {
  /**
   * Clips by norm, then AdamW with decoupled decay, on the dense groups and the rows of this step:
   *
   *     g *= min(1, clipNorm / (norm + clipEpsilon))
   *     p -= learningRate * weightDecay * p
   *     m = beta1 m + (1 - beta1) g;    v = beta2 v + (1 - beta2) g^2
   *     p -= learningRate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
   *
   * The gradients themselves stay as they were.
   * @throws bad-input if rows do not fit their tables; nothing was changed then
   */
  step(options: OptimizerStep): Promise<OptimizerResult>
}

/** AdamW over arrays that lie in the memory of a pool. Holds no memory of its own. */
export function createOptimizer(options: OptimizerOptions): Optimizer {
  const { pool, dense, groups, tables = [], beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8 } = options
  const denseParts = groups.map((group) => densePart(dense, group))

  return {
    async step({ learningRate, t, clipNorm, clipEpsilon = 1e-6, rows = [] }) {
      if (rows.length !== tables.length) {
        throw new StemkitError('bad-input', `optimiser: gradients for ${rows.length} of ${tables.length} tables`)
      }
      const parts = [...denseParts, ...tables.map((table, i) => tablePart(table, rows[i]!))]
      const norms = await gradientNorms(pool, parts)
      if (!Object.values(norms).every(Number.isFinite)) return { norms, updated: false }

      const update = ({ clipGroup, weightDecay }: Part): AdamUpdate => {
        const gradScale = Math.min(1, clipNorm / (norms[clipGroup]! + clipEpsilon))
        return { learningRate, t, gradScale, beta1, beta2, epsilon, weightDecay }
      }
      await pool.run(parts.map((part) => part.task(update(part))))
      return { norms, updated: true }
    },
  }
}

/** What moves together at one step. */
interface Part {
  readonly gradients: Float32Array
  readonly clipGroup: string
  readonly weightDecay: number
  task(update: AdamUpdate): Task
}

function densePart(arrays: Moving, { offset, length, clipGroup, weightDecay }: DenseGroup): Part {
  const cut = (array: Float32Array): Float32Array => {
    if (offset < 0 || offset + length > array.length) {
      throw new StemkitError('bad-input', `optimiser: group [${offset}, ${offset + length}) of ${array.length} floats`)
    }
    return array.subarray(offset, offset + length)
  }
  const own: Moving = {
    parameters: cut(arrays.parameters),
    moments: cut(arrays.moments),
    squares: cut(arrays.squares),
    gradients: cut(arrays.gradients),
  }
  return { gradients: own.gradients, clipGroup, weightDecay, task: (update) => ({ kernel: 'adamw', ...own, update }) }
}

function tablePart(table: TableGroup, { ids, gradients }: RowGradients): Part {
  const { parameters, moments, squares, layers, width, clipGroup, weightDecay } = table
  const block = gradients.subarray(0, layers * ids.length * width)
  const own = { parameters, moments, squares, gradients: block, ids, layers, width }
  return { gradients: block, clipGroup, weightDecay, task: (update) => ({ kernel: 'adamwRows', ...own, update }) }
}

async function gradientNorms(pool: OptimizerPool, parts: readonly Part[]): Promise<Record<string, number>> {
  const sums = await pool.run(parts.map(({ gradients }) => ({ kernel: 'sumOfSquares', values: gradients })))
  const squared: Record<string, number> = {}
  parts.forEach(({ clipGroup }, i) => (squared[clipGroup] = (squared[clipGroup] ?? 0) + sums[i]!))
  return Object.fromEntries(Object.entries(squared).map(([group, sum]) => [group, Math.sqrt(sum)]))
}
