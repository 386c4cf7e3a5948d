import { prune, type Graph, type GraphNode } from './graph.ts'

/** A graph that gives some outputs as what they are the sum of; `rowsOf` has the input with the rows of each of those. */
export interface GraphOfSummands {
  readonly graph: Graph
  readonly rowsOf: ReadonlyMap<string, string>
}

/**
 * Takes the last node off outputs y [U, w] that are made by `scatterAdd`: zeros with row n of a matrix [N, w] added to row ids[n].
 * They become that matrix. Outputs that are made otherwise, or of rows that are no input [N], stay as they are.
 */
export function leaveSummands(graph: Graph, names: readonly string[]): GraphOfSummands {
  const rowsOf = new Map<string, string>()
  const withoutLast = names.reduce((left, name) => {
    const found = findSum(left, name)
    if (!found) return left
    rowsOf.set(name, found.rows)
    return withSummands(left, name, found)
  }, graph)
  return { graph: rowsOf.size === 0 ? graph : prune(withoutLast), rowsOf }
}

interface Sum {
  readonly sum: GraphNode
  /** The node that makes the summands. */
  readonly maker: GraphNode
  readonly summands: string
  readonly shape: Graph['outputs'][number]['shape']
  readonly rows: string
}

function findSum({ nodes, constants, inputs, outputs }: Graph, name: string): Sum | undefined {
  const makerOf = (value: string): GraphNode | undefined => nodes.find((node) => node.outputs.includes(value))
  const isZeros = (value: string): boolean => {
    const maker = makerOf(value)
    const filled = maker?.op === 'Expand' ? constants.find((constant) => constant.name === maker.inputs[0]) : undefined
    return filled !== undefined && Array.prototype.every.call(filled.data, (number) => number === 0)
  }
  /** Where a column of indices comes from: through nodes that leave the order of the numbers as it is. */
  const origin = (value: string): string => {
    const maker = makerOf(value)
    return maker && ['Reshape', 'Cast', 'Identity'].includes(maker.op) ? origin(maker.inputs[0]!) : value
  }

  const sum = makerOf(name)
  if (sum?.op !== 'ScatterElements' || !addsRows(sum)) return undefined
  if (nodes.some((node) => node.inputs.includes(name))) return undefined
  const [into, index, summands] = sum.inputs as [string, string, string]
  const [maker, spread] = [makerOf(summands), makerOf(index)]
  const shape = maker?.shapes?.[maker.outputs.indexOf(summands)]
  if (!maker || !shape || spread?.op !== 'Expand' || !isZeros(into)) return undefined
  const rows = inputs.find((port) => port.name === origin(spread.inputs[0]!))
  if (rows?.shape.length !== 1 || rows.shape[0] !== shape[0]) return undefined
  if (outputs.some((port) => port.name === summands)) return undefined
  return { sum, maker, summands, shape, rows: rows.name }
}

const addsRows = ({ attributes: { axis, reduction } }: GraphNode): boolean =>
  axis !== undefined && 'int' in axis && axis.int === 0 && JSON.stringify(reduction) === '{"string":"add"}'

function withSummands(graph: Graph, name: string, { sum, maker, summands, shape }: Sum): Graph {
  const renamed = (value: string): string => (value === summands ? name : value)
  const rename = (node: GraphNode): GraphNode => ({
    ...node,
    inputs: node.inputs.map(renamed),
    outputs: node.outputs.map(renamed),
  })
  const isRead = graph.nodes.some((node) => node !== sum && maker.outputs.some((value) => node.inputs.includes(value)))
  // The order of nodes that nothing else reads says when each is computed: what becomes one of them takes the place of the sum.
  const nodes = isRead
    ? graph.nodes.filter((node) => node !== sum)
    : graph.nodes.filter((node) => node !== maker).map((node) => (node === sum ? maker : node))
  return {
    ...graph,
    nodes: nodes.map(rename),
    outputs: graph.outputs.map((port) => (port.name === name ? { ...port, shape } : port)),
  }
}
