import type { Graph, GraphNode, GraphPort } from './graph.ts'

/** A graph that also gives x^T x [K, K] for inputs x [N, K] of products, and by weight the output that has it. */
export interface ObservedGraph {
  readonly graph: Graph
  readonly gramOf: ReadonlyMap<string, string>
}

/** Adds outputs for the products of these weights. Weights that are multiplied with the same input share one. */
export function withGrams(graph: Graph, weights: ReadonlyMap<string, readonly number[]>): ObservedGraph {
  const outputs = new Map<string, GraphPort>()
  const nodes: GraphNode[] = []
  const gramOf = new Map<string, string>()
  for (const { op, inputs } of graph.nodes) {
    const [input, name] = inputs as [string, string]
    const width = weights.get(name)?.at(-1)
    if (op !== 'Gemm' || width === undefined) continue
    let port = outputs.get(input)
    if (port === undefined) {
      port = { name: `${name}.gram`, dtype: 'float32', shape: [width, width] }
      outputs.set(input, port)
      const attributes = { transA: { int: 1 }, transB: { int: 0 } }
      nodes.push({
        op: 'Gemm',
        domain: '',
        inputs: [input, input],
        outputs: [port.name],
        attributes,
        shapes: [port.shape],
      })
    }
    gramOf.set(name, port.name)
  }
  return {
    graph: { ...graph, nodes: [...graph.nodes, ...nodes], outputs: [...graph.outputs, ...outputs.values()] },
    gramOf,
  }
}
