import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemAttention, StemAttentionGrad } from './kernels.ts'
import type { StemAttentionGradInputs, StemAttentionInputs } from './kernels.ts'
import { opError } from './scope.ts'
import { add, matMul, mul, reshape, softmax, sub, sum, transpose } from './tfjs.ts'
import type { Tensor, Tensor3D, Tensor4D } from './tfjs.ts'

export interface AttentionHeads {
  /** Query heads. */
  readonly heads: number
  /** Key/value heads; `heads` is a multiple. Query head h uses key/value head floor(h / (heads / kvHeads)). */
  readonly kvHeads: number
}

/** [B, T, groups*R*hd] -> [B, groups, R*T, hd]: the R query heads of a group below each other. */
export function toGroups(x: Tensor, heads: number, groups: number): Tensor {
  const [B, T, width] = x.shape as [number, number, number]
  const hd = width / heads
  return reshape(transpose(reshape(x, [B, T, heads, hd]), [0, 2, 1, 3]), [B, groups, (heads / groups) * T, hd])
}

/** The way back: [B, groups, R*T, hd] -> [B, T, heads*hd]. */
export function fromGroups(x: Tensor, heads: number): Tensor {
  const [B, groups, RT, hd] = x.shape as [number, number, number, number]
  const T = (RT * groups) / heads
  return reshape(transpose(reshape(x, [B, heads, T, hd]), [0, 2, 1, 3]), [B, T, heads * hd])
}

function compose({ q, k, v, mask }: StemAttentionInputs, { heads, kvHeads }: AttentionHeads): Tensor[] {
  const [B, T, width] = q.shape as [number, number, number]
  const scale = 1 / Math.sqrt(width / heads)
  const scores = matMul(toGroups(mul(q, scale), heads, kvHeads), toGroups(k, kvHeads, kvHeads), false, true)
  const masked = add(reshape(scores, [B, heads, T, T]), mask)
  const probabilities = reshape(softmax(masked), scores.shape)
  return [fromGroups(matMul(probabilities, toGroups(v, kvHeads, kvHeads)), heads), probabilities]
}

function composeGrad(
  { dout, q, k, v, probabilities, out }: StemAttentionGradInputs,
  { heads, kvHeads }: AttentionHeads,
): Tensor[] {
  const scale = 1 / Math.sqrt(q.shape[2]! / heads)
  const dO = toGroups(dout, heads, kvHeads)
  const dP = matMul(dO, toGroups(v, kvHeads, kvHeads), false, true)
  const D = sum(mul(dO, toGroups(out, heads, kvHeads)), 3, true)
  const dS = mul(probabilities, sub(dP, D))
  return [
    fromGroups(matMul(dS, toGroups(mul(k, scale), kvHeads, kvHeads)), heads),
    fromGroups(matMul(dS, toGroups(mul(q, scale), heads, kvHeads), true), kvHeads),
    fromGroups(matMul(probabilities, dO, true), kvHeads),
  ]
}

/**
 * Grouped-query attention, scores scaled by 1/sqrt(hd). q [B, T, heads*hd], k and v [B, T, kvHeads*hd], additive mask
 * [1 or B, 1, T, T] (`causalMask`, `documentMask`) -> [B, T, heads*hd]. The mask gets no gradient. Throws 'bad-input' on
 * shapes or head counts that do not fit.
 */
export function attention(q: Tensor3D, k: Tensor3D, v: Tensor3D, mask: Tensor4D, options: AttentionHeads): Tensor3D {
  const { heads, kvHeads } = options
  const hd = (q.shape[2] ?? 0) / heads
  if (!Number.isInteger(hd) || !Number.isInteger(heads / kvHeads)) {
    throw opError(
      'attention',
      `q is [${q.shape.join(', ')}]; its width must be a multiple of ${heads} heads, and they of ${kvHeads} kvHeads`,
    )
  }
  checkShapes('attention', {
    q: [q, ['B', 'T', heads * hd]],
    k: [k, ['B', 'T', kvHeads * hd]],
    v: [v, ['B', 'T', kvHeads * hd]],
    mask: [mask, [mask.shape[0] === 1 ? 1 : 'B', 1, 'T', 'T']],
  })
  const attrs = { heads, kvHeads }
  const inputs = { q, k, v, mask }
  return differentiable(
    [q, k, v],
    () => {
      const outputs = fused(StemAttention, inputs, attrs, () => compose(inputs, attrs))
      const [out, probabilities] = outputs as [Tensor, Tensor]
      return { value: out, saved: { q, k, v, probabilities, out } }
    },
    (dout, saved) => fused(StemAttentionGrad, { dout, ...saved }, attrs, () => composeGrad({ dout, ...saved }, attrs)),
  )
}
