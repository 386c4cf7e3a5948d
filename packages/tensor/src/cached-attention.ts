import { fromGroups, toGroups, type AttentionHeads } from './attention.ts'
import { checkShapes } from './check.ts'
import { fused } from './fused.ts'
import { StemCachedAttention, type StemCachedAttentionInputs } from './kernels.ts'
import { MASKED } from './masks.ts'
import { rope, type RopeTables } from './rope.ts'
import { opError } from './scope.ts'
import {
  add,
  cast,
  clipByValue,
  div,
  equal,
  greater,
  matMul,
  mul,
  pad,
  range,
  reshape,
  slice,
  round,
  softmax,
  sub,
  sum,
} from './tfjs.ts'
import { transpose, where } from './tfjs.ts'
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from './tfjs.ts'

/** Keys, after the rotary embedding, and values of B sequences: each [B, G, C, w], of which hd of w channels are used. */
export type AttentionCache = { readonly keys: Tensor4D; readonly values: Tensor4D }

/** What a unit of a cache in whole numbers stands for, by head and channel [G*hd]: see `cachedAttention`. */
export interface CacheScales {
  readonly keys: Tensor1D
  readonly values: Tensor1D
}

/** Where T new positions of each sequence stand. */
export interface CachePlace {
  /** Of the last one, int32 [B]: the others stand right before it. */
  readonly last: Tensor1D
  /** The largest of `last`, plus 1, int32 [1]: some kernels want to know it. */
  readonly longest: Tensor1D
}

interface Composed extends AttentionHeads {
  readonly headDim: number
}

/** x [B, T, G*hd] in units of `scales` [G*hd], as numbers from -128 to 127. */
const quantize = (x: Tensor, scales: Tensor | undefined): Tensor =>
  scales ? clipByValue(round(div(x, scales)), -128, 127) : x

/** x [B, T, G*hd] put into cache [B, G, C, w] at `hot` [B, T, C], one row of which has a single 1. */
function write(cache: Tensor, hot: Tensor, x: Tensor, { kvHeads, headDim }: Composed): Tensor {
  const [B, G, C, width] = cache.shape as [number, number, number, number]
  const placed = transpose(reshape(matMul(hot, x, true), [B, C, kvHeads, headDim]), [0, 2, 1, 3])
  const kept = sub(1, reshape(sum(hot, 1), [B, 1, C, 1]))
  const padded = width === headDim ? placed : pad(placed, widths(width - headDim))
  return add(mul(cache, kept), reshape(padded, [B, G, C, width]))
}

const widths = (behind: number): [number, number][] => [
  [0, 0],
  [0, 0],
  [0, 0],
  [0, behind],
]

function compose(inputs: StemCachedAttentionInputs, tables: RopeTables, options: Composed): Tensor[] {
  const { q, k, v, last } = inputs
  const { heads, kvHeads, headDim } = options
  const [B, T] = q.shape as [number, number]
  const [, G, C] = inputs.keys.shape as [number, number, number]
  const positions = add(reshape(last, [B, 1]), reshape(range(1 - T, 1, 1, 'int32'), [1, T])) as Tensor2D
  const turned = (x: Tensor, count: number): Tensor => rope(x as Tensor3D, positions, tables, count)
  const places = range(0, C, 1, 'int32')
  // A bool that was only cast to float32 cannot be transposed on WebGPU.
  const hot = where(equal(reshape(positions, [B, T, 1]), reshape(places, [1, 1, C])), 1, 0)
  const { keyScales, valueScales } = inputs
  const keys = write(cast(inputs.keys, 'float32'), hot, quantize(turned(k, kvHeads), keyScales), options)
  const values = write(cast(inputs.values, 'float32'), hot, quantize(v, valueScales), options)

  const used = (cache: Tensor, scales: Tensor | undefined): Tensor => {
    const channels = slice(cache, [0, 0, 0, 0], [B, G, C, headDim])
    return scales ? mul(channels, reshape(scales, [1, G, 1, headDim])) : channels
  }
  const scaled = mul(turned(q, heads), 1 / Math.sqrt(headDim))
  const scores = matMul(toGroups(scaled, heads, kvHeads), used(keys, keyScales), false, true)
  const later = greater(reshape(places, [1, 1, 1, C]), reshape(positions, [B, 1, T, 1]))
  const masked = add(reshape(scores, [B, heads, T, C]), mul(cast(later, 'float32'), MASKED))
  const probabilities = reshape(softmax(masked), scores.shape)
  const stored = (cache: Tensor): Tensor => cast(cache, inputs.keys.dtype)
  return [fromGroups(matMul(probabilities, used(values, valueScales)), heads), stored(keys), stored(values)]
}

/**
 * Rotary embedding and grouped-query attention of T new positions to themselves and to those before them, which are in a
 * cache of fixed capacity C. q [B, T, heads*hd], k and v [B, T, kvHeads*hd] -> out [B, T, heads*hd], and the cache with the
 * new keys and values in their places. What stands there behind `last` is not looked at, but has to be finite. With `scales`
 * the cache is int32: numbers from -128 to 127, to which keys and values are rounded in units of them. It has no
 * gradient. Throws 'bad-input' on shapes or head counts that do not fit; places are not checked.
 */
export function cachedAttention(
  { q, k, v }: { readonly q: Tensor3D; readonly k: Tensor3D; readonly v: Tensor3D },
  cache: AttentionCache,
  { last, longest }: CachePlace,
  tables: RopeTables,
  { heads, kvHeads, scales }: AttentionHeads & { readonly scales?: CacheScales | undefined },
): { out: Tensor3D } & AttentionCache {
  const { cos, sin } = tables
  const hd = (q.shape[2] ?? 0) / heads
  if (!Number.isInteger(hd) || !Number.isInteger(heads / kvHeads) || hd > (cache.keys.shape[3] ?? 0)) {
    throw opError(
      'cachedAttention',
      `q is [${q.shape.join(', ')}] and the cache [${cache.keys.shape.join(', ')}]; q's width must be a multiple of ${heads} heads, they of ${kvHeads} kvHeads, and the cache no narrower than a head`,
    )
  }
  checkShapes('cachedAttention', {
    q: [q, ['B', 'T', heads * hd]],
    k: [k, ['B', 'T', kvHeads * hd]],
    v: [v, ['B', 'T', kvHeads * hd]],
    keys: [cache.keys, ['B', kvHeads, 'C', 'w'], scales ? 'int32' : 'float32'],
    values: [cache.values, ['B', kvHeads, 'C', 'w'], scales ? 'int32' : 'float32'],
    ...(scales && { keyScales: [scales.keys, [kvHeads * hd]], valueScales: [scales.values, [kvHeads * hd]] }),
    last: [last, ['B'], 'int32'],
    longest: [longest, [1], 'int32'],
    cos: [cos, ['P', hd / 2]],
    sin: [sin, ['P', hd / 2]],
  })
  const inputs = {
    q,
    k,
    v,
    ...cache,
    last,
    longest,
    cos,
    sin,
    ...(scales && { keyScales: scales.keys, valueScales: scales.values }),
  }
  const [out, keys, values] = fused(StemCachedAttention, inputs, { heads, kvHeads }, () =>
    compose(inputs, tables, { heads, kvHeads, headDim: hd }),
  ) as [Tensor3D, Tensor4D, Tensor4D]
  return { out, keys, values }
}
