import { inOrder, type Graph, type GraphNode } from '../graph.ts'

/**
 * A sum that is normed becomes one node, which gives both: norm(a + b) and a + b. For graphs without gradients, which
 * would want the root mean square too.
 */
export function fuseNorms(graph: Graph): Graph {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const read = new Set([...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)])
  const sums = new Set<GraphNode>()
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.op !== 'SimplifiedLayerNormalization' || read.has(node.outputs[1] ?? '')) return node
    const [x, gain] = node.inputs as [string, string]
    const [y] = node.outputs as [string]
    const sum = makers.get(x)
    if (sum?.op !== 'Add' || sums.has(sum) || !addsAlike(sum, makers)) return { ...node, outputs: [y] }
    sums.add(sum)
    return {
      op: 'SkipSimplifiedLayerNormalization',
      domain: 'com.microsoft',
      inputs: [...sum.inputs, gain],
      outputs: [y, '', '', x],
      attributes: { epsilon: node.attributes['epsilon']! },
      shapes: [node.shapes?.[0], undefined, undefined, sum.shapes?.[0]],
    }
  })
  return { ...graph, nodes: inOrder(nodes.filter((node) => !sums.has(node))) }
}

/** Whether both summands have the shape of the sum. */
function addsAlike({ inputs, shapes }: GraphNode, makers: ReadonlyMap<string, GraphNode>): boolean {
  const own = shapes?.[0]?.join()
  const shapeOf = (name: string): string | undefined => {
    const maker = makers.get(name)
    return maker?.shapes?.[maker.outputs.indexOf(name)]?.join()
  }
  return own !== undefined && inputs.every((name) => shapeOf(name) === own)
}
