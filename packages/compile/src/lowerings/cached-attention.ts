import { StemkitError } from '@stemkit/spec/errors'
import { StemCachedAttention } from '@stemkit/tensor'
import { registerLowering, reshape, scalar } from '../lowering.ts'
import type { Attribute, GraphBuilder, Value } from '../graph.ts'

/** Heads of GroupQueryAttention have a multiple of this many channels if it turns them. */
const STEP = 16

/** Keys and values in whole numbers of 8 bits, with a scale for each channel of each head. */
const QUANTIZED: Readonly<Record<string, Attribute>> = {
  k_quant_type: { string: 'PER_CHANNEL' },
  v_quant_type: { string: 'PER_CHANNEL' },
  kv_cache_bit_width: { int: 8 },
}

/** The last axis made wider. */
function widen(graph: GraphBuilder, x: Value, width: number, fill: number): Value {
  const more = width - x.shape.at(-1)!
  if (more === 0) return x
  const pads = [...x.shape.map(() => 0), ...x.shape.map((_, axis) => (axis === x.shape.length - 1 ? more : 0))]
  return graph.node('Pad', [x, graph.constant('int64', [pads.length], pads), scalar(graph, fill)], {
    dtype: x.dtype,
    shape: [...x.shape.slice(0, -1), width],
  })
}

/** x [B, T, heads * from] -> [B, T, heads * to]: zeros behind each head, or what is behind it cut off. */
function resizeHeads(graph: GraphBuilder, x: Value, heads: number, from: number, to: number): Value {
  if (from === to) return x
  const [B, T] = x.shape as [number, number]
  const apart = reshape(graph, x, [B, T, heads, from])
  const vector = (value: number): Value => graph.constant('int64', [1], [value])
  const resized =
    to > from
      ? widen(graph, apart, to, 0)
      : graph.node('Slice', [apart, vector(0), vector(to), vector(3)], { dtype: x.dtype, shape: [B, T, heads, to] })
  return reshape(graph, resized, [B, T, heads * to])
}

/**
 * The runtime gives past and present the same memory, and nothing is copied. A head narrower than the cache gets zeros
 * behind it, which change neither scores nor sums, and which the rotary embedding leaves alone (cos 1, sin 0).
 */
registerLowering(StemCachedAttention, (inputs, attributes, graph) => {
  const { q, k, v, keys, values, last, longest, cos, sin, keyScales, valueScales } = inputs
  const heads = attributes['heads'] as number
  const kvHeads = attributes['kvHeads'] as number
  const headDim = q!.shape[2]! / heads
  const width = keys!.shape[3]!
  if (width % STEP !== 0) {
    throw new StemkitError(
      'unsupported',
      `compile: cachedAttention with a cache of ${width} channels a head; make it a multiple of ${STEP}`,
    )
  }
  const wide = (x: Value, count: number): Value => resizeHeads(graph, x, count, headDim, width)
  const isQuantized = keyScales !== undefined
  const scaleOf = (scales: Value): Value =>
    reshape(graph, wide(reshape(graph, scales, [1, 1, scales.shape[0]!]), kvHeads), [kvHeads * width])
  const query = wide(q!, heads)
  const [out, presentKeys, presentValues] = graph.nodes(
    'GroupQueryAttention',
    [
      query,
      wide(k!, kvHeads),
      wide(v!, kvHeads),
      keys,
      values,
      last,
      longest,
      widen(graph, cos!, width / 2, 1),
      widen(graph, sin!, width / 2, 0),
      ...(isQuantized ? [undefined, undefined, undefined, scaleOf(keyScales!), scaleOf(valueScales!)] : []),
    ],
    [query, keys!, values!],
    {
      domain: 'com.microsoft',
      attributes: {
        num_heads: { int: heads },
        kv_num_heads: { int: kvHeads },
        do_rotary: { int: 1 },
        rotary_interleaved: { int: 1 },
        scale: { float: 1 / Math.sqrt(headDim) },
        ...(isQuantized && QUANTIZED),
      },
    },
  ) as [Value, Value, Value]
  return [resizeHeads(graph, out, heads, width, headDim), presentKeys, presentValues]
})
