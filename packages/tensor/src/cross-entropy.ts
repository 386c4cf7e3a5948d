import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { scatterRows } from './gather-rows.ts'
import {
  StemCrossEntropy,
  StemCrossEntropyGrad,
  StemLinearCrossEntropy,
  StemLinearCrossEntropyGrad,
} from './kernels.ts'
import type { StemCrossEntropyGradInputs, StemLinearCrossEntropyGradInputs } from './kernels.ts'
import { product } from './product.ts'
import { add, cast, div, exp, expandDims, gather, log, max, mul, oneHot, reshape, sub, sum, tensor1d } from './tfjs.ts'
import type { Tensor, Tensor1D, Tensor2D } from './tfjs.ts'

/** logits [N, V], targets [N] -> [loss [N], probabilities [N, V]]; finite however small a probability is. */
function compose(logits: Tensor, targets: Tensor): Tensor[] {
  const [N, V] = logits.shape as [number, number]
  const shifted = sub(logits, max(logits, 1, true))
  const exponentials = exp(shifted)
  const total = sum(exponentials, 1, true)
  const rowStarts = tensor1d(
    Int32Array.from({ length: N }, (_, i) => i * V),
    'int32',
  )
  const ofTarget = gather(reshape(shifted, [N * V]), add(rowStarts, targets))
  return [sub(reshape(log(total), [N]), ofTarget), div(exponentials, total)]
}

function composeGrad({ dloss, probabilities, targets }: StemCrossEntropyGradInputs): Tensor[] {
  // oneHot's own float32 form writes integers on the wasm backend.
  const hot = cast(oneHot(targets as Tensor1D, probabilities.shape[1]!), 'float32')
  return [mul(expandDims(dloss, 1), sub(probabilities, hot))]
}

/** Scaling the narrow side, and taking the targets off as rows of width d, saves two passes over [N, V]. */
function composeLinearGrad({ dloss, probabilities, x, w, targets }: StemLinearCrossEntropyGradInputs): Tensor[] {
  const column = expandDims(dloss, 1)
  const scaled = mul(column, x)
  return [
    mul(column, sub(product(probabilities, w, false, false), gather(w, targets))),
    sub(product(probabilities, scaled, true, false), scatterRows(scaled, targets, w.shape[0]!)),
  ]
}

/**
 * Negative log-likelihood of each target, in nats. logits [N, V], targets int32 [N], each below V (not checked) -> [N].
 * Throws 'bad-input' on other shapes or dtypes.
 */
export function crossEntropy(logits: Tensor2D, targets: Tensor1D): Tensor1D {
  checkShapes('crossEntropy', { logits: [logits, ['N', 'V']], targets: [targets, ['N'], 'int32'] })
  return differentiable(
    [logits],
    () => {
      const outputs = fused(StemCrossEntropy, { logits, targets }, {}, () => compose(logits, targets))
      const [loss, probabilities] = outputs as [Tensor, Tensor]
      return { value: loss, saved: { probabilities, targets } }
    },
    (dloss, saved) => fused(StemCrossEntropyGrad, { dloss, ...saved }, {}, () => composeGrad({ dloss, ...saved })),
  )
}

/**
 * `crossEntropy(linear(x, w), targets)`: output head and loss in one, which never makes the gradient of the logits.
 * x [N, d], w [V, d], targets int32 [N], each below V (not checked) -> losses [N] in nats. Throws 'bad-input' on other
 * shapes or dtypes.
 */
export function linearCrossEntropy(x: Tensor2D, w: Tensor2D, targets: Tensor1D): Tensor1D {
  checkShapes('linearCrossEntropy', { x: [x, ['N', 'd']], w: [w, ['V', 'd']], targets: [targets, ['N'], 'int32'] })
  return differentiable(
    [x, w],
    () => {
      const outputs = fused(StemLinearCrossEntropy, { x, w, targets }, {}, () =>
        compose(product(x, w, false, true), targets),
      )
      const [loss, probabilities] = outputs as [Tensor, Tensor]
      return { value: loss, saved: { probabilities, x, w, targets } }
    },
    (dloss, saved) =>
      fused(StemLinearCrossEntropyGrad, { dloss, ...saved }, {}, () => composeLinearGrad({ dloss, ...saved })),
  )
}
