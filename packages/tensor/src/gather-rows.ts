import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemGatherRows, StemGatherRowsGrad } from './kernels.ts'
import { gather, reshape, scatterND } from './tfjs.ts'
import type { Tensor, Tensor1D, Tensor2D } from './tfjs.ts'

/** Adds row n of `y` [N, w] to row `indices[n]` of a [count, w] tensor of zeros. Equal indices add up. */
export function scatterRows(y: Tensor, indices: Tensor, count: number): Tensor {
  return scatterND(reshape(indices, [-1, 1]), y, [count, y.shape[1]!])
}

/**
 * rows[indices]. rows [U, w], indices int32 [N], each below U (not checked) -> [N, w]. The gradient of a row is the sum
 * over its occurrences. Throws 'bad-input' on other shapes or dtypes.
 */
export function gatherRows(rows: Tensor2D, indices: Tensor1D): Tensor2D {
  checkShapes('gatherRows', { rows: [rows, ['U', 'w']], indices: [indices, ['N'], 'int32'] })
  return differentiable(
    [rows],
    () => {
      const [y] = fused(StemGatherRows, { rows, indices }, {}, () => [gather(rows, indices)]) as [Tensor]
      return { value: y, saved: { rows, indices } }
    },
    (dy, saved) =>
      fused(StemGatherRowsGrad, { dy, ...saved }, {}, () => [scatterRows(dy, saved.indices, saved.rows.shape[0]!)]),
  )
}
