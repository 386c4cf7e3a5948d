import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemSiluMul, StemSiluMulGrad } from './kernels.ts'
import type { StemSiluMulGradInputs } from './kernels.ts'
import { linear } from './linear.ts'
import { add, mul, sigmoid, sub } from './tfjs.ts'
import type { Tensor, Tensor2D } from './tfjs.ts'

function compose(gate: Tensor, up: Tensor): Tensor[] {
  const s = sigmoid(gate)
  return [mul(mul(gate, s), up), s]
}

function composeGrad({ dh, gate, up, sigmoid: s }: StemSiluMulGradInputs): Tensor[] {
  const silu = mul(gate, s)
  const slope = add(s, mul(silu, sub(1, s)))
  return [mul(mul(dh, up), slope), mul(dh, silu)]
}

/** silu(gate) * up, where silu(x) = x * sigmoid(x). gate [N, f], up [N, f] -> [N, f]. Throws 'bad-input' on other shapes. */
export function siluMul(gate: Tensor2D, up: Tensor2D): Tensor2D {
  checkShapes('siluMul', { gate: [gate, ['N', 'f']], up: [up, ['N', 'f']] })
  return differentiable(
    [gate, up],
    () => {
      const [h, s] = fused(StemSiluMul, { gate, up }, {}, () => compose(gate, up)) as [Tensor, Tensor]
      return { value: h, saved: { gate, up, sigmoid: s } }
    },
    (dh, saved) => fused(StemSiluMulGrad, { dh, ...saved }, {}, () => composeGrad({ dh, ...saved })),
  )
}

/**
 * The gated feed-forward around a given up-projection: y = down (silu(gate x) * up). x [N, d], up [N, f],
 * gate [f, d], down [d, f] -> [N, d]. Dense layers pass `linear(x, w)` as `up`, STEM layers the rows of their tokens.
 */
export function gatedFfn(x: Tensor2D, up: Tensor2D, weights: { gate: Tensor2D; down: Tensor2D }): Tensor2D {
  return linear(siluMul(linear(x, weights.gate), up), weights.down)
}
