import { mul, reshape } from '../lowering.ts'
import type { GraphBuilder, Value } from '../graph.ts'

export const sigmoidOf = (graph: GraphBuilder, x: Value): Value => graph.node('Sigmoid', [x], x)

/**
 * The same numbers as an activation of the forward pass, for the backward pass to read: computed again where that is cheap,
 * so that a matrix [N, w] need not live until then. Other operators than the forward pass's are used on purpose: equal
 * ones would be merged, here and by ONNX Runtime, and the first result kept.
 */
export function recomputed(graph: GraphBuilder, value: Value): Value {
  const { op, inputs, outputs } = graph.producer(value) ?? {}
  const [a, b] = inputs ?? []
  if (op === 'Gather') return gatheredAgain(graph, a!, b!, value)
  if (op === 'SimplifiedLayerNormalization' && outputs![0] === value) {
    return mul(graph, mul(graph, a!, outputs![1]!), b!)
  }
  const silu = op === 'Mul' ? graph.producer(a!) : undefined
  if (silu?.op === 'QuickGelu') return mul(graph, siluAgain(graph, silu.inputs[0]!), recomputed(graph, b!))
  return value
}

/** x * sigmoid(x), where the forward pass has QuickGelu. */
export const siluAgain = (graph: GraphBuilder, x: Value): Value => mul(graph, x, sigmoidOf(graph, x))

function gatheredAgain(graph: GraphBuilder, rows: Value, indices: Value, like: Value): Value {
  if (rows.shape.length !== 2 || indices.shape.length !== 1) return like
  const wide = graph.node(
    'Cast',
    [indices],
    { dtype: 'int64', shape: indices.shape },
    { attributes: { to: { int: 7 } } },
  )
  return graph.node('GatherND', [rows, reshape(graph, wide, [indices.shape[0]!, 1])], like)
}
