import { checkShapes } from './check.ts'
import { add, cast, greater, mul, notEqual, reshape, tensor, tidy } from './tfjs.ts'
import type { Tensor2D, Tensor4D } from './tfjs.ts'

/**
 * Added to the score of a pair that may not meet. exp() of it is 0 beside any real score; being finite, two of them may
 * be added and a row that sees nothing stays a number.
 */
export const MASKED = -1e9

/** Additive mask [1, 1, T, T]: position t sees positions 0..t. */
export function causalMask(length: number): Tensor4D {
  return tidy(() => {
    const positions = Float32Array.from({ length }, (_, i) => i)
    const later = greater(tensor(positions, [1, 1, 1, length]), tensor(positions, [1, 1, length, 1]))
    return mul(cast(later, 'float32'), MASKED) as Tensor4D
  })
}

/** Additive causal mask [B, 1, T, T] for packed documents [B, T] (int32): a position sees its own document only. */
export function documentMask(documents: Tensor2D): Tensor4D {
  const { B, T } = checkShapes('documentMask', { documents: [documents, ['B', 'T'], 'int32'] }) as {
    B: number
    T: number
  }
  return tidy(() => {
    const foreign = notEqual(reshape(documents, [B, 1, T, 1]), reshape(documents, [B, 1, 1, T]))
    return add(mul(cast(foreign, 'float32'), MASKED), causalMask(T)) as Tensor4D
  })
}
