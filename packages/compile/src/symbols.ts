import { StemkitError } from '@stemkit/spec/errors'
import type { Constant, Graph, GraphNode, GraphPort } from './graph.ts'
import type { InputSpec } from './trace.ts'

type Sizes = Readonly<Record<string, number>>

/**
 * Merges two recordings of one function at different sizes into one graph with symbolic dimensions.
 * Dimensions may be products of symbols and a number; every other difference is an error, because it
 * means that the function did something else at the other size.
 */
export function explainSymbols(
  first: Graph,
  second: Graph,
  inputs: Readonly<Record<string, InputSpec>>,
  sizesOfFirst: Sizes,
  sizesOfSecond: Sizes,
): Graph {
  const products = symbolProducts(sizesOfFirst, sizesOfSecond)

  function symbolic(a: number, b: number): number | string | undefined {
    if (a === b) return a
    for (const product of products) {
      const factor = a / product.first
      if (Number.isInteger(factor) && factor === b / product.second) {
        return factor === 1 ? product.name : `${factor}*${product.name}`
      }
    }
    return undefined
  }

  function explain(a: number, b: number, where: string): number | string {
    const dim = symbolic(a, b)
    if (dim !== undefined) return dim
    throw new StemkitError(
      'unsupported',
      `compile: ${where} is ${a} when ${shown(sizesOfFirst)} and ${b} when ${shown(sizesOfSecond)}, which the symbolic sizes do not explain; make the function treat every size alike`,
    )
  }

  if (first.nodes.length !== second.nodes.length || first.constants.length !== second.constants.length) {
    throw new StemkitError(
      'unsupported',
      `compile: the function records ${first.nodes.length} nodes when ${shown(sizesOfFirst)} but ${second.nodes.length} when ${shown(sizesOfSecond)}; make it treat every size alike`,
    )
  }

  for (const [i, node] of first.nodes.entries()) {
    const other = second.nodes[i]!
    if (JSON.stringify({ ...node, shapes: [] }) !== JSON.stringify({ ...other, shapes: [] })) {
      throw new StemkitError(
        'unsupported',
        `compile: node ${i} (${node.op}) is recorded differently when ${shown(sizesOfFirst)} and ${shown(sizesOfSecond)}; make the function treat every size alike`,
      )
    }
  }

  const dynamic: GraphNode[] = []
  const helpers = new Map<string, Constant>()
  const constants: Constant[] = []
  for (const [i, constant] of first.constants.entries()) {
    const other = second.constants[i]!
    if (sameConstant(constant, other)) {
      constants.push(constant)
      continue
    }
    if (!constant.isShape || constant.data.length !== other.data.length) {
      throw new StemkitError(
        'unsupported',
        `compile: a constant of shape [${constant.shape.join()}] depends on a symbolic size; compute it from the inputs instead`,
      )
    }
    const dims = Array.from(constant.data, (dim, at) => explain(dim, other.data[at]!, `dimension ${at} of a shape`))
    dynamic.push(...dimensionNodes(constant.name, dims, inputs, helpers))
  }

  const ports = (a: readonly GraphPort[], b: readonly GraphPort[]): GraphPort[] =>
    a.map((port, i) => ({
      ...port,
      shape: port.shape.map((dim, at) =>
        explain(dim as number, b[i]!.shape[at] as number, `dimension ${at} of "${port.name}"`),
      ),
    }))
  const shapesOf = ({ shapes = [] }: GraphNode, other: GraphNode): GraphNode['shapes'] =>
    shapes.map((shape, i) => {
      const dims = shape?.map((dim, at) => symbolic(dim as number, other.shapes![i]![at] as number))
      return dims?.every((dim) => dim !== undefined) ? dims : undefined
    })
  return {
    nodes: [
      ...dedupe(dynamic),
      ...first.nodes.map((node, i) => ({ ...node, shapes: shapesOf(node, second.nodes[i]!) })),
    ],
    constants: [...constants, ...helpers.values()],
    weights: first.weights,
    inputs: ports(first.inputs, second.inputs),
    outputs: ports(first.outputs, second.outputs),
  }
}

const shown = (sizes: Sizes): string =>
  Object.entries(sizes)
    .map(([name, size]) => `${name} = ${size}`)
    .join(', ')

function sameConstant(a: Constant, b: Constant): boolean {
  return (
    a.data.length === b.data.length &&
    a.shape.join() === b.shape.join() &&
    Array.prototype.every.call(a.data, (x, i) => x === b.data[i])
  )
}

interface Product {
  readonly name: string
  readonly first: number
  readonly second: number
}

/** All products of distinct symbols, single ones first. */
function symbolProducts(first: Sizes, second: Sizes): Product[] {
  let products: Product[] = []
  for (const name of Object.keys(first)) {
    const single = { name, first: first[name]!, second: second[name]! }
    products = [
      ...products,
      single,
      ...products.map((other) => ({
        name: `${other.name}*${name}`,
        first: other.first * single.first,
        second: other.second * single.second,
      })),
    ]
  }
  return products.toSorted((a, b) => a.name.length - b.name.length)
}

/** Nodes that make the int64 vector `name` from the shapes of the inputs. */
function dimensionNodes(
  name: string,
  dims: readonly (number | string)[],
  inputs: Readonly<Record<string, InputSpec>>,
  helpers: Map<string, Constant>,
): GraphNode[] {
  const nodes: GraphNode[] = []
  const fixed = (value: number): string => {
    const constant = { name: `dim_${value}`, dtype: 'int64', shape: [1], data: [value], isShape: false } as const
    helpers.set(constant.name, constant)
    return constant.name
  }
  const symbol = (symbolName: string): string => {
    for (const [input, spec] of Object.entries(inputs)) {
      const axis = spec.shape.indexOf(symbolName)
      if (axis < 0) continue
      const output = `size_${symbolName}`
      const attributes = { start: { int: axis }, end: { int: axis + 1 } }
      nodes.push({ op: 'Shape', domain: '', inputs: [input], outputs: [output], attributes })
      return output
    }
    return fixed(Number(symbolName))
  }
  const parts = dims.map((dim, at) => {
    if (typeof dim === 'number') return fixed(dim)
    return dim
      .split('*')
      .map(symbol)
      .reduce((left, right, i) => {
        const output = `${name}_${at}_${i}`
        nodes.push({ op: 'Mul', domain: '', inputs: [left, right], outputs: [output], attributes: {} })
        return output
      })
  })
  nodes.push({ op: 'Concat', domain: '', inputs: parts, outputs: [name], attributes: { axis: { int: 0 } } })
  return nodes
}

function dedupe(nodes: readonly GraphNode[]): GraphNode[] {
  const seen = new Set<string>()
  return nodes.filter((node) => !seen.has(node.outputs[0]!) && seen.add(node.outputs[0]!))
}
