import type { Graph, GraphNode, GraphWeight } from '../graph.ts'
import type { HostTensor } from '../runtime.ts'

type Initializers = Readonly<Record<string, HostTensor>>

/** The node that makes each value, and how many nodes read it. */
interface Uses {
  readonly makers: ReadonlyMap<string, GraphNode>
  readonly readers: ReadonlyMap<string, number>
}

/**
 * Queries, keys and values that are products of one input with packed weights become one product, as attention takes them
 * together: each product costs about 10 us besides its arithmetic, a tenth of a decoding step in all. Adds arrays of the
 * joined weights to the initializers.
 */
export function joinProducts(graph: Graph, initializers: Initializers): { graph: Graph; initializers: Initializers } {
  const uses = usesOf(graph)
  const joined: Record<string, HostTensor> = {}
  const weights: GraphWeight[] = []
  const gone = new Set<GraphNode>()
  const replaced = new Map<GraphNode, readonly GraphNode[]>()
  for (const node of graph.nodes) {
    const products = node.op === 'GroupQueryAttention' ? productsOf(node, uses) : undefined
    if (!products) continue
    const [first] = products as [GraphNode]
    const [x] = first.inputs as [string]
    const join = (at: 1 | 2): string => {
      const names = products.map(({ inputs }) => inputs[at]!)
      const name = names.join('+')
      joined[name] = joinRows(names.map((each) => initializers[each]!))
      weights.push({ name, dtype: joined[name].dtype, shape: joined[name].shape })
      return name
    }
    const output = `${node.outputs[0]!}.projected`
    const N = products.reduce((sum, { attributes }) => sum + intOf(attributes['N']), 0)
    const product: GraphNode = {
      ...first,
      inputs: [x, join(1), join(2)],
      outputs: [output],
      attributes: { ...first.attributes, N: { int: N } },
      shapes: undefined,
    }
    for (const each of products) gone.add(each)
    replaced.set(node, [product, { ...node, inputs: [output, '', '', ...node.inputs.slice(3)] }])
  }
  return {
    graph: {
      ...graph,
      nodes: graph.nodes.filter((node) => !gone.has(node)).flatMap((node) => replaced.get(node) ?? [node]),
      weights: [...graph.weights, ...weights],
    },
    initializers: { ...initializers, ...joined },
  }
}

/** The products that make the first three inputs of a node and nothing else, if they may be one. */
function productsOf({ inputs }: GraphNode, { makers, readers }: Uses): readonly GraphNode[] | undefined {
  const products = inputs.slice(0, 3).map((name) => makers.get(name))
  const [first] = products
  const alike = (product: GraphNode | undefined): product is GraphNode =>
    product?.op === 'MatMulNBits' &&
    product.inputs.length === 3 &&
    product.inputs[0] === first!.inputs[0] &&
    (['K', 'bits', 'block_size'] as const).every(
      (name) => intOf(product.attributes[name]) === intOf(first!.attributes[name]),
    )
  const areOwn = new Set(products).size === 3 && inputs.slice(0, 3).every((name) => readers.get(name) === 1)
  return areOwn && products.every(alike) ? products : undefined
}

function usesOf({ nodes, outputs }: Graph): Uses {
  const readers = new Map<string, number>()
  for (const name of [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map((output) => output.name)]) {
    readers.set(name, (readers.get(name) ?? 0) + 1)
  }
  return { makers: new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const))), readers }
}

const intOf = (attribute: GraphNode['attributes'][string] | undefined): number =>
  attribute !== undefined && 'int' in attribute ? attribute.int : NaN

/** Arrays [n, ...] one after the other. */
function joinRows(parts: readonly HostTensor[]): HostTensor {
  const [first] = parts as [HostTensor]
  const length = parts.reduce((sum, { data }) => sum + data.length, 0)
  const data = first.data instanceof Float32Array ? new Float32Array(length) : new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    data.set(part.data, offset)
    offset += part.data.length
  }
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0)
  return { dtype: first.dtype, shape: [rows, ...first.shape.slice(1)], data }
}
