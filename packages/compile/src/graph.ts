import { StemkitError } from '@stemkit/spec/errors'

/** Element types of graph values. int64 occurs only inside graphs: shapes and indices. float16 and uint8 only in weights, int8 in caches. */
export type ElementType = 'float32' | 'int32' | 'int64' | 'bool' | 'float16' | 'uint8' | 'int8'

/** An ONNX attribute, with its type spelled out because JavaScript numbers do not carry it. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }

/** A dimension of a finished graph: fixed, or the name of a symbol. */
export type Dimension = number | string

export interface GraphNode {
  readonly op: string
  /** '' is ai.onnx. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
  /** Of the outputs, where they are known. */
  readonly shapes?: readonly (readonly Dimension[] | undefined)[] | undefined
}

export interface Constant {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: readonly number[] | Float32Array | Int32Array | Uint8Array
  /** Set where the values are dimensions, so that a symbolic size may explain a difference. */
  readonly isShape: boolean
}

export interface GraphPort {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly Dimension[]
}

/** A constant whose numbers are not in the graph: the runtime gets them beside it. */
export interface GraphWeight {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly constants: readonly Constant[]
  readonly weights: readonly GraphWeight[]
  readonly inputs: readonly GraphPort[]
  readonly outputs: readonly GraphPort[]
}

/** A value while a graph is being recorded: its name, and its shape at the traced sizes. */
export interface Value {
  readonly name: string
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

export interface NodeOptions {
  readonly domain?: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}

/** Appends nodes and constants. Equal nodes over equal inputs are recorded once. */
export interface GraphBuilder {
  input(name: string, dtype: ElementType, shape: readonly number[]): Value
  /** A node with one output of the given type. */
  node(op: string, inputs: readonly (Value | undefined)[], output: Output, options?: NodeOptions): Value
  /** A node with several outputs. */
  nodes(op: string, inputs: readonly (Value | undefined)[], outputs: readonly Output[], options?: NodeOptions): Value[]
  constant(dtype: ElementType, shape: readonly number[], data: Constant['data']): Value
  /** An int64 vector of dimensions, which may depend on a symbolic size. */
  dims(dims: readonly number[]): Value
  /** The node that makes a value; undefined for inputs and constants. */
  producer(value: Value): Producer | undefined
  finish(
    inputs: readonly Value[],
    outputs: readonly (readonly [string, Value])[],
    weights?: readonly GraphWeight[],
  ): Graph
}

export interface Producer {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly outputs: readonly Value[]
}

interface Output {
  readonly dtype: ElementType
  readonly shape: readonly number[]
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

export function createGraphBuilder(): GraphBuilder {
  const nodes: GraphNode[] = []
  const constants: Constant[] = []
  const known = new Map<string, Value[]>()
  const producers = new Map<string, Producer>()
  let counter = 0

  function addConstant(dtype: ElementType, shape: readonly number[], data: Constant['data'], isShape: boolean): Value {
    // Large constants are not compared: the key would cost more than the copy.
    const key = data.length <= 64 ? `const ${dtype} ${isShape} [${shape.join()}] ${Array.from(data).join()}` : undefined
    const seen = key === undefined ? undefined : known.get(key)
    if (seen) return seen[0]!
    const value = { name: `c${counter++}`, dtype, shape }
    constants.push({ name: value.name, dtype, shape, data, isShape })
    if (key !== undefined) known.set(key, [value])
    return value
  }

  function addNode(
    op: string,
    inputs: readonly (Value | undefined)[],
    outputs: readonly Output[],
    options: NodeOptions = {},
  ): Value[] {
    const names = inputs.map((input) => input?.name ?? '')
    const attributes = options.attributes ?? {}
    const domain = options.domain ?? ''
    const key = `${domain}:${op}(${names.join()})${JSON.stringify(attributes)}->${outputs.length}`
    const seen = known.get(key)
    // A reshape to other dimensions is told apart by its shape input, so equal keys mean equal values.
    if (seen) return seen
    const values = outputs.map((output) => ({ ...output, name: `v${counter++}` }))
    const shapes = outputs.map(({ shape }) => shape)
    nodes.push({ op, domain, inputs: names, outputs: values.map((value) => value.name), attributes, shapes })
    known.set(key, values)
    for (const { name } of values) producers.set(name, { op, inputs, outputs: values })
    return values
  }

  return {
    input: (name, dtype, shape) => ({ name, dtype, shape }),
    node: (op, inputs, output, options) => addNode(op, inputs, [output], options)[0]!,
    nodes: addNode,
    constant: (dtype, shape, data) => addConstant(dtype, shape, data, false),
    dims: (dims) => addConstant('int64', [dims.length], dims, true),
    producer: ({ name }) => producers.get(name),
    finish(inputs, outputs, weights = []) {
      return pruned(
        {
          nodes,
          constants,
          weights,
          inputs,
          outputs: outputs.map(([name, value]) => ({ name, dtype: value.dtype, shape: value.shape })),
        },
        outputs,
        [...inputs, ...weights],
      )
    },
  }
}

/** Drops what no output depends on, and gives every output its caller's name through the node that makes it. */
function pruned(
  graph: Graph,
  outputs: readonly (readonly [string, Value])[],
  inputs: readonly { readonly name: string }[],
): Graph {
  const inputNames = new Set(inputs.map((input) => input.name))
  const renamed = new Map<string, string>()
  const extra: GraphNode[] = []
  for (const [name, value] of outputs) {
    // An output that is an input, a constant or another output needs a node of its own.
    const made = graph.nodes.some((node) => node.outputs.includes(value.name))
    if (!made || renamed.has(value.name) || inputNames.has(name)) {
      if (inputNames.has(name)) {
        throw new StemkitError('bad-input', `compile: "${name}" names both an input and an output; rename one of them`)
      }
      extra.push({ op: 'Identity', domain: '', inputs: [value.name], outputs: [name], attributes: {} })
    } else {
      renamed.set(value.name, name)
    }
  }
  const rename = (name: string): string => renamed.get(name) ?? name
  const all = [
    ...graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
    ...extra.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
  ]
  const whole = prune({ ...graph, nodes: all })
  return { ...whole, nodes: leavesLast(whole.nodes) }
}

/** Drops what no output depends on. */
export function prune(graph: Graph): Graph {
  const wanted = new Set(graph.outputs.map(({ name }) => name))
  const nodes: GraphNode[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== '' && wanted.has(name))) continue
    for (const name of node.inputs) wanted.add(name)
    nodes.push(node)
  }
  return {
    ...graph,
    nodes: nodes.toReversed(),
    constants: graph.constants.filter(({ name }) => wanted.has(name)),
    weights: graph.weights.filter(({ name }) => wanted.has(name)),
  }
}

/** The same nodes in an order in which each stands after those that it reads. */
export function inOrder(nodes: readonly GraphNode[]): GraphNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const done = new Set<GraphNode>()
  const ordered: GraphNode[] = []
  const visit = (node: GraphNode): void => {
    if (done.has(node)) return
    done.add(node)
    for (const name of node.inputs) {
      const maker = name === '' ? undefined : makers.get(name)
      if (maker) visit(maker)
    }
    ordered.push(node)
  }
  nodes.forEach(visit)
  return ordered
}

/**
 * Puts the nodes that nothing else reads (the gradients of weights) at the end, the first of them last. ONNX Runtime works
 * backwards from such nodes, last one first, and so computes each as soon as it can be. In the order of recording it
 * would leave all of them to the end, and keep every activation and its gradient until then.
 */
function leavesLast(nodes: readonly GraphNode[]): GraphNode[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs))
  const isLeaf = ({ outputs }: GraphNode): boolean => !outputs.some((name) => read.has(name))
  return [...nodes.filter((node) => !isLeaf(node)), ...nodes.filter(isLeaf).toReversed()]
}
