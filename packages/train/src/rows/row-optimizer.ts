import type { RowState } from '@stemkit/store'
import type { AdamUpdate, Rows, Task } from '../optimizer/tasks.ts'

/**
 * What moves the table rows that a step used; neither decays them.
 *
 * `adamw`: AdamW's two moments for every value.
 *
 * `rowwise-adagrad`: one number s for every row and layer, 1 / (2 d_ff) of that. With gradient g [d_ff]
 * ```
 * s += mean(g^2);  row -= learningRate / (sqrt(s) + epsilon) * g
 * ```
 * as the trainers of recommendation models have it (Naumov et al. 2019, arXiv:1906.00091: `RWSAdagrad` of DLRM,
 * `EXACT_ROWWISE_ADAGRAD` of FBGEMM). s begins at 0 and never falls: the more often a row was used, the less it moves.
 */
export type RowOptimizer = 'adamw' | 'rowwise-adagrad'

export const ROW_OPTIMIZERS: readonly RowOptimizer[] = ['adamw', 'rowwise-adagrad']

/** What stored rows keep for an optimiser. */
export const rowStateOf = (optimizer: RowOptimizer): Exclude<RowState, 'none'> =>
  optimizer === 'adamw' ? 'adam' : 'row-adagrad'

/** Where the optimiser's state of a table's rows lies: moments as far apart as the rows, sums `sumStride` floats apart. */
export type RowMemory =
  | { readonly moments: Float32Array; readonly squares: Float32Array }
  | { readonly sums: Float32Array; readonly sumStride: number }

/** The task that moves rows with the gradients of their block. */
export function updateRows(
  memory: RowMemory,
  update: AdamUpdate,
  rows: { readonly parameters: Float32Array; readonly gradients: Float32Array } & Rows,
): Task {
  if ('moments' in memory) return { kernel: 'adamwRows', update, ...memory, ...rows }
  return { kernel: 'rowwiseAdagrad', update, ...memory, ...rows }
}
