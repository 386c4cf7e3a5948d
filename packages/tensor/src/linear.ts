import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemGemm } from './kernels.ts'
import { product } from './product.ts'
import type { Tensor, Tensor2D } from './tfjs.ts'

function gemm(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return fused(StemGemm, { a, b }, { transposeA, transposeB }, () => [product(a, b, transposeA, transposeB)])[0]!
}

/** y = x w^T. x [N, in], w [out, in] -> [N, out]. Throws 'bad-input' on shapes that do not fit. */
export function linear(x: Tensor2D, w: Tensor2D): Tensor2D {
  checkShapes('linear', { x: [x, ['N', 'in']], w: [w, ['out', 'in']] })
  return differentiable(
    [x, w],
    () => ({ value: gemm(x, w, false, true), saved: { x, w } }),
    (dy, saved) => [gemm(dy, saved.w, false, false), gemm(dy, saved.x, true, false)],
  )
}
