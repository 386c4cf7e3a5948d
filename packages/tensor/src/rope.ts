import { checkShapes } from './check.ts'
import { differentiable, fused } from './fused.ts'
import { StemRope } from './kernels.ts'
import { opError } from './scope.ts'
import { add, concat, gather, mul, reshape, split, sub, tensor2d } from './tfjs.ts'
import type { Tensor, Tensor2D, Tensor3D } from './tfjs.ts'

/** Angles of rotary position embeddings: row = position, column = pair of channels, each [P, hd/2]. */
export interface RopeTables {
  readonly cos: Tensor2D
  readonly sin: Tensor2D
  /** -sin, which the gradient uses. */
  readonly negativeSin: Tensor2D
  dispose(): void
}

/**
 * Tables for positions below `maxLength` and heads of `headDim` channels: pair i turns by `position * theta^(-2i/hd)`.
 * Computed in 64-bit floats. Throws 'bad-input' if `headDim` is odd. The caller disposes the tables.
 */
export function ropeTables(maxLength: number, headDim: number, theta: number): RopeTables {
  if (headDim % 2 !== 0) throw opError('ropeTables', `headDim is ${headDim}, but must be even`)
  const pairs = headDim / 2
  const frequencies = Float64Array.from({ length: pairs }, (_, i) => theta ** ((-2 * i) / headDim))
  const table = (of: (angle: number) => number): Tensor2D => {
    const angles = Float32Array.from({ length: maxLength * pairs }, (_, i) =>
      of(Math.floor(i / pairs) * frequencies[i % pairs]!),
    )
    return tensor2d(angles, [maxLength, pairs])
  }
  const cos = table(Math.cos)
  const sin = table(Math.sin)
  const negativeSin = table((angle) => -Math.sin(angle))
  return {
    cos,
    sin,
    negativeSin,
    dispose: () => [cos, sin, negativeSin].forEach((each) => each.dispose()),
  }
}

function rotate(x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor, heads: number): Tensor {
  return fused(StemRope, { x, positions, cos, sin }, { heads }, () => {
    const [B, T, width] = x.shape as [number, number, number]
    const pairs = width / heads / 2
    const atPositions = (table: Tensor) => reshape(gather(table, reshape(positions, [B * T])), [B * T, 1, pairs, 1])
    const [c, s] = [atPositions(cos), atPositions(sin)]
    const [even, odd] = split(reshape(x, [B * T, heads, pairs, 2]), 2, 3) as [Tensor, Tensor]
    const turned = concat([sub(mul(even, c), mul(odd, s)), add(mul(even, s), mul(odd, c))], 3)
    return [reshape(turned, [B, T, width])]
  })[0]!
}

/**
 * Rotary position embedding on interleaved pairs (2i, 2i+1) of every head. x [B, T, heads*hd], positions int32 [B, T],
 * each below the tables' length (not checked) -> [B, T, heads*hd]. Throws 'bad-input' on shapes that do not fit.
 */
export function rope(x: Tensor3D, positions: Tensor2D, tables: RopeTables, heads: number): Tensor3D {
  const { cos, sin, negativeSin } = tables
  const { width, pairs } = checkShapes('rope', {
    x: [x, ['B', 'T', 'width']],
    positions: [positions, ['B', 'T'], 'int32'],
    cos: [cos, ['P', 'pairs']],
    sin: [sin, ['P', 'pairs']],
  }) as { width: number; pairs: number }
  if (width !== heads * pairs * 2) {
    throw opError(
      'rope',
      `x is [${x.shape.join(', ')}], but the tables are for ${heads} heads of ${pairs * 2} channels`,
    )
  }
  return differentiable(
    [x],
    () => ({ value: rotate(x, positions, cos, sin, heads), saved: { positions, cos, negativeSin } }),
    (dy, saved) => [rotate(dy, saved.positions, saved.cos, saved.negativeSin, heads)],
  )
}
