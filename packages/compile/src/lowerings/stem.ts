import {
  add,
  batchMatMul,
  cast,
  gemm,
  mul,
  reduce,
  registerLowering,
  reshape,
  scalar,
  sub,
  transpose,
} from '../lowering.ts'
import { recomputed, siluAgain, sigmoidOf } from './recompute.ts'
import { scatterAdd } from './products-and-indexing.ts'
import type { GraphBuilder, Value } from '../graph.ts'

// The forms below are the fastest of those measured on ONNX Runtime's CPU provider; docs/performance.md has the table.

/** With `transposeA` it is the gradient of a weight, dy^T x, and x an activation of the forward pass. */
registerLowering('StemGemm', ({ a, b }, attributes, graph) => {
  const [transA, transB] = [Boolean(attributes['transposeA']), Boolean(attributes['transposeB'])]
  return gemm(graph, a!, transA ? recomputed(graph, b!) : b!, { transA, transB })
})

registerLowering('StemRmsNorm', ({ x, gain }, attributes, graph) =>
  graph.nodes('SimplifiedLayerNormalization', [x!, gain!], [x!, { dtype: 'float32', shape: [x!.shape[0]!, 1] }], {
    attributes: { axis: { int: -1 }, epsilon: { float: attributes['eps'] as number }, stash_type: { int: 1 } },
  }),
)

/**
 * With i = 1/rms: dgain = sum_n i dy x and dx = i dy gain - x i^3 mean(dy gain x).
 * Both sums are products with a vector, which Gemm does faster than ReduceSum.
 */
registerLowering('StemRmsNormGrad', ({ dy, x, gain, inverse }, _, graph) => {
  const width = x!.shape[1]!
  const dyx = mul(graph, dy!, x!)
  const dgain = reshape(graph, gemm(graph, inverse!, dyx, { transA: true }), [width])
  const column = reshape(graph, gain!, [width, 1])
  const mean = mul(graph, gemm(graph, dyx, column), scalar(graph, 1 / width))
  const cube = mul(graph, mul(graph, inverse!, inverse!), inverse!)
  const direct = mul(graph, mul(graph, dy!, gain!), inverse!)
  return [sub(graph, direct, mul(graph, x!, mul(graph, mean, cube))), dgain]
})

registerLowering('StemRope', ({ x, positions, cos, sin }, attributes, graph) =>
  graph.node('RotaryEmbedding', [x!, cast(graph, positions!, 'int64'), cos!, sin!], x!, {
    domain: 'com.microsoft',
    attributes: { interleaved: { int: 1 }, num_heads: { int: attributes['heads'] as number } },
  }),
)

/** [B, T, G * R * hd] -> [B, G, R * T, hd]: the R query heads of a key/value head stand below each other. */
function splitHeads(graph: GraphBuilder, x: Value, groups: number, repeats: number): Value {
  const [batch, length, width] = x.shape as [number, number, number]
  const headDim = width / (groups * repeats)
  if (repeats === 1) {
    return transpose(graph, reshape(graph, x, [batch, length, groups, headDim]), [0, 2, 1, 3])
  }
  const apart = reshape(graph, x, [batch, length, groups, repeats, headDim])
  return reshape(graph, transpose(graph, apart, [0, 2, 3, 1, 4]), [batch, groups, repeats * length, headDim])
}

/** The inverse of `splitHeads`. */
function joinHeads(graph: GraphBuilder, x: Value, length: number, repeats: number): Value {
  const [batch, groups, , headDim] = x.shape as [number, number, number, number]
  const merged = [batch, length, groups * repeats * headDim]
  if (repeats === 1) return reshape(graph, transpose(graph, x, [0, 2, 1, 3]), merged)
  const apart = reshape(graph, x, [batch, groups, repeats, length, headDim])
  return reshape(graph, transpose(graph, apart, [0, 3, 1, 2, 4]), merged)
}

interface Heads {
  readonly groups: number
  readonly repeats: number
  readonly scale: number
}

function headsOf(q: Value, attributes: Readonly<Record<string, unknown>>): Heads {
  const heads = attributes['heads'] as number
  const groups = attributes['kvHeads'] as number
  return { groups, repeats: heads / groups, scale: 1 / Math.sqrt(q.shape[2]! / heads) }
}

registerLowering('StemAttention', ({ q, k, v, mask }, attributes, graph) => {
  const { groups, repeats, scale } = headsOf(q!, attributes)
  const [batch, length] = q!.shape as [number, number, number]
  const keys = splitHeads(graph, k!, groups, 1)
  const scores = batchMatMul(graph, splitHeads(graph, q!, groups, repeats), keys, { transB: true, alpha: scale })
  const stacked = scores.shape
  const masked =
    repeats === 1
      ? add(graph, scores, mask!)
      : add(
          graph,
          reshape(graph, scores, [batch, groups, repeats, length, length]),
          reshape(graph, mask!, [mask!.shape[0]!, 1, 1, length, length]),
        )
  const softmax = graph.node('Softmax', [masked], masked, { attributes: { axis: { int: -1 } } })
  const probabilities = reshape(graph, softmax, stacked)
  const out = batchMatMul(graph, probabilities, splitHeads(graph, v!, groups, 1))
  return [joinHeads(graph, out, length, repeats), probabilities]
})

/** The softmax's gradient is P * (dP - D) with D = rowsum(dO * O), as in flash attention. */
registerLowering('StemAttentionGrad', ({ dout, q, k, v, probabilities, out }, attributes, graph) => {
  const { groups, repeats, scale } = headsOf(q!, attributes)
  const length = q!.shape[1]!
  const p = probabilities!
  const queries = splitHeads(graph, q!, groups, repeats)
  const keys = splitHeads(graph, k!, groups, 1)
  const values = splitHeads(graph, v!, groups, 1)
  const dO = splitHeads(graph, dout!, groups, repeats)
  const D = reduce(graph, 'ReduceSum', mul(graph, dO, splitHeads(graph, out!, groups, repeats)), [3], true)
  const dP = batchMatMul(graph, dO, values, { transB: true })
  const dS = mul(graph, p, sub(graph, dP, D))
  return [
    joinHeads(graph, batchMatMul(graph, dS, keys, { alpha: scale }), length, repeats),
    joinHeads(graph, batchMatMul(graph, dS, queries, { transA: true, alpha: scale }), length, 1),
    joinHeads(graph, batchMatMul(graph, p, dO, { transA: true }), length, 1),
  ]
})

/** QuickGelu with alpha 1 is SiLU in one pass. The sigmoid is recorded only where something reads it. */
registerLowering('StemSiluMul', ({ gate, up }, _, graph) => {
  const silu = graph.node('QuickGelu', [gate!], gate!, { domain: 'com.microsoft', attributes: { alpha: { float: 1 } } })
  return [mul(graph, silu, up!), sigmoidOf(graph, gate!)]
})

/**
 * silu' = s + silu (1 - s) = s (1 + gate - silu), with s = sigmoid(gate). Sigmoid and SiLU are computed again here: two
 * passes more, but two matrices [N, d_ff] less per layer that live from the forward to the backward pass.
 */
registerLowering('StemSiluMulGrad', ({ dh, gate, up }, _, graph) => {
  const sigmoid = sigmoidOf(graph, gate!)
  const silu = siluAgain(graph, gate!)
  const slope = mul(graph, sigmoid, add(graph, sub(graph, gate!, silu), scalar(graph, 1)))
  return [mul(graph, mul(graph, dh!, recomputed(graph, up!)), slope), mul(graph, dh!, silu)]
})

registerLowering('StemGatherRows', ({ rows, indices }, _, graph) =>
  graph.node(
    'Gather',
    [rows!, indices!],
    { dtype: 'float32', shape: [indices!.shape[0]!, rows!.shape[1]!] },
    { attributes: { axis: { int: 0 } } },
  ),
)

registerLowering('StemGatherRowsGrad', ({ dy, rows, indices }, _, graph) => {
  const zeros = graph.node('Expand', [scalar(graph, 0), graph.dims(rows!.shape)], rows!)
  return scatterAdd(graph, zeros, indices!, dy!)
})

/** One entry of each row: x [N, V], index int64 [N, 1] -> [N]. */
function pick(graph: GraphBuilder, x: Value, index: Value): Value {
  const rows = index.shape[0]!
  const column = { dtype: 'float32', shape: [rows, 1] } as const
  return reshape(graph, graph.node('GatherElements', [x, index], column, { attributes: { axis: { int: 1 } } }), [rows])
}

const columnIndex = (graph: GraphBuilder, targets: Value): Value =>
  reshape(graph, cast(graph, targets, 'int64'), [targets.shape[0]!, 1])

const softmaxRows = (graph: GraphBuilder, logits: Value): Value =>
  graph.node('Softmax', [logits], logits, { attributes: { axis: { int: -1 } } })

/** p - onehot(target) */
function minusOneAtTarget(graph: GraphBuilder, probabilities: Value, targets: Value): Value {
  const rows = targets.shape[0]!
  const minusOne = graph.node('Expand', [scalar(graph, -1), graph.dims([rows, 1])], {
    dtype: 'float32',
    shape: [rows, 1],
  })
  return graph.node('ScatterElements', [probabilities, columnIndex(graph, targets), minusOne], probabilities, {
    attributes: { axis: { int: 1 }, reduction: { string: 'add' } },
  })
}

/** Exact however unlikely the target is, at the price of a further pass over the logits. */
registerLowering('StemCrossEntropy', ({ logits, targets }, _, graph) => {
  const index = columnIndex(graph, targets!)
  const logProbabilities = graph.node('LogSoftmax', [logits!], logits!, { attributes: { axis: { int: -1 } } })
  const ofTarget = pick(graph, logProbabilities, index)
  return [graph.node('Neg', [ofTarget], ofTarget), softmaxRows(graph, logits!)]
})

registerLowering('StemCrossEntropyGrad', ({ dloss, probabilities, targets }, _, graph) => {
  const column = reshape(graph, dloss!, [dloss!.shape[0]!, 1])
  return mul(graph, minusOneAtTarget(graph, probabilities!, targets!), column)
})

/**
 * The loss comes from the probabilities that the gradient needs anyway. Beyond 87 nats, where they leave float32, it is
 * reported as 87.3; the gradient stays exact.
 */
registerLowering('StemLinearCrossEntropy', ({ x, w, targets }, _, graph) => {
  const probabilities = softmaxRows(graph, gemm(graph, x!, w!, { transB: true }))
  const ofTarget = pick(graph, probabilities, columnIndex(graph, targets!))
  const floored = graph.node('Max', [ofTarget, scalar(graph, 1.1754944e-38)], ofTarget)
  return [graph.node('Neg', [graph.node('Log', [floored], floored)], floored), probabilities]
})

/** Scaling x and dx by the row's weight instead of [N, V] saves a pass over the widest matrix of the step. */
registerLowering('StemLinearCrossEntropyGrad', ({ dloss, probabilities, x, w, targets }, _, graph) => {
  const column = reshape(graph, dloss!, [dloss!.shape[0]!, 1])
  const difference = minusOneAtTarget(graph, probabilities!, targets!)
  const dx = mul(graph, gemm(graph, difference, w!), column)
  return [dx, gemm(graph, difference, mul(graph, x!, column), { transA: true })]
})
