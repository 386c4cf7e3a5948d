import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemRmsNorm, StemRmsNormGrad } from './kernels.ts'
import type { StemRmsNormGradInputs } from './kernels.ts'
import { add, mean, mul, rsqrt, square, sub, sum } from './tfjs.ts'
import type { Tensor, Tensor1D, Tensor2D } from './tfjs.ts'

function compose(x: Tensor, gain: Tensor, eps: number): Tensor[] {
  const inverse = rsqrt(add(mean(square(x), 1, true), eps))
  return [mul(mul(x, inverse), gain), inverse]
}

function composeGrad({ dy, x, gain, inverse }: StemRmsNormGradInputs): Tensor[] {
  const unit = mul(x, inverse)
  const dunit = mul(dy, gain)
  const along = mean(mul(dunit, unit), 1, true)
  return [mul(inverse, sub(dunit, mul(unit, along))), sum(mul(dy, unit), 0)]
}

/** y = gain * x / sqrt(mean(x^2) + eps), per row. x [N, d], gain [d] -> [N, d]. Throws 'bad-input' on other shapes. */
export function rmsNorm(x: Tensor2D, gain: Tensor1D, eps: number): Tensor2D {
  checkShapes('rmsNorm', { x: [x, ['N', 'd']], gain: [gain, ['d']] })
  return differentiable(
    [x, gain],
    () => {
      const [y, inverse] = fused(StemRmsNorm, { x, gain }, { eps }, () => compose(x, gain, eps)) as [Tensor, Tensor]
      return { value: y, saved: { x, gain, inverse } }
    },
    (dy, saved) => fused(StemRmsNormGrad, { dy, ...saved }, {}, () => composeGrad({ dy, ...saved })),
  )
}
