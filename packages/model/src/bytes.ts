import type { ModelConfig } from '@stemkit/spec/model-config'
import type { CustomFeedForwards } from './feed-forward.ts'
import { listWeights } from './list-weights.ts'
import type { WeightSpec } from './weights.ts'

/** How numbers are kept. `int8` has a float32 scale for every row of a matrix or table, and leaves vectors in float32. */
export type NumberDtype = 'f32' | 'f16' | 'bf16' | 'int8'

export const NUMBER_DTYPES: readonly NumberDtype[] = ['f32', 'f16', 'bf16', 'int8']

const BYTES: Readonly<Record<NumberDtype, number>> = { f32: 4, f16: 2, bf16: 2, int8: 1 }
const SCALE_BYTES = 4

export interface ByteCounts {
  /** All weights but the tables. */
  readonly backbone: number
  readonly tables: number
  /** The rows of one token in all tables. */
  readonly tokenRows: number
  /** Keys and values of one position in all layers; in int8 with a scale per key/value head. */
  readonly kvPerToken: number
}

/** Bytes of a model's numbers in one dtype, by where they can lie. */
export function countBytes(config: ModelConfig, dtype: NumberDtype, custom?: CustomFeedForwards): ByteCounts {
  let [backbone, tables, tokenRows] = [0, 0, 0]
  for (const { shape, role } of listWeights(config, custom).values()) {
    const bytes = bytesOf(shape, dtype)
    if (role === 'table') {
      tables += bytes
      tokenRows += bytes / shape[0]!
    } else backbone += bytes
  }
  const heads = 2 * config.layers * config.kvHeads
  const scales = dtype === 'int8' ? heads * SCALE_BYTES : 0
  return { backbone, tables, tokenRows, kvPerToken: heads * config.headDim * BYTES[dtype] + scales }
}

function bytesOf(shape: WeightSpec['shape'], dtype: NumberDtype): number {
  const size = shape.reduce((a, b) => a * b, 1)
  if (dtype !== 'int8') return size * BYTES[dtype]
  return shape.length === 1 ? 4 * size : size + shape[0]! * SCALE_BYTES
}

export interface TrainingBytes {
  readonly weights: ByPlace
  readonly gradients: ByPlace
  readonly optimizer: ByPlace
}

interface ByPlace {
  readonly backbone: number
  readonly tables: number
}

export interface TrainingBytesOptions {
  /** Rows whose gradients exist at once: those of a step, or all of them where tables are trained as a whole. */
  readonly rows: number
  /** What a table row keeps: AdamW's two moments (default), or one sum of squares per row and layer. */
  readonly tableState?: 'adam' | 'row-adagrad'
  readonly custom?: CustomFeedForwards
}

/** Bytes that training takes beside activations, all in float32; the optimiser of the backbone is AdamW. */
export function countTrainingBytes(config: ModelConfig, options: TrainingBytesOptions): TrainingBytes {
  const { rows, tableState = 'adam', custom } = options
  const { backbone, tables, tokenRows } = countBytes(config, 'f32', custom)
  const tableRows = [...listWeights(config, custom).values()]
    .filter(({ role }) => role === 'table')
    .reduce((sum, { shape }) => sum + shape[0]!, 0)
  return {
    weights: { backbone, tables },
    gradients: { backbone, tables: rows * tokenRows },
    optimizer: { backbone: 2 * backbone, tables: tableState === 'adam' ? 2 * tables : 4 * tableRows },
  }
}
