import type { Constant, Dimension, Graph, GraphNode } from '../graph.ts'

type Shape = readonly Dimension[]

/** Operators that treat every row alike, whatever axes the rows have, and which of their inputs have rows. */
const rowwise: Readonly<Record<string, readonly number[]>> = {
  MatMulNBits: [0],
  Gather: [1],
  GatherBlockQuantized: [1],
  SimplifiedLayerNormalization: [0],
  SkipSimplifiedLayerNormalization: [0, 1],
  QuickGelu: [0],
  Sigmoid: [0],
  Cast: [0],
  Mul: [0, 1],
  Add: [0, 1],
  Sub: [0, 1],
}

/**
 * Models work on rows [N, w] of N = B * T positions; attention wants them as [B, T, w]. This lets the operators that do not
 * mind have [B, T, w] from end to end, so that the reshapes in between go: a fifth of the nodes of a decoding step.
 */
export function keepSequences(graph: Graph): Graph {
  const shapes = shapesOf(graph)
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  /** What stands for a value that is no longer made. */
  const alias = new Map<string, string>()
  /** Rows [N, w] that are there as [B, T, w], by name. */
  const lifted = new Map<string, string>()
  const flattened = new Set<string>()
  const constants = new Map<string, Constant>()
  const nodes: GraphNode[] = []

  /** A value as it was, for an operator that wants rows. */
  function flat(name: string): string {
    const from = lifted.get(name)
    if (from === undefined) return alias.get(name) ?? name
    if (!flattened.has(name)) {
      flattened.add(name)
      const dims = [-1, ...(shapes.get(name)!.slice(1) as number[])]
      const constant = `rows_${dims.slice(1).join('_')}`
      constants.set(constant, { name: constant, dtype: 'int64', shape: [dims.length], data: dims, isShape: false })
      nodes.push({ op: 'Reshape', domain: '', inputs: [from, constant], outputs: [name], attributes: {} })
    }
    return name
  }

  /** The inputs of an operator over [B, T, w]; undefined where it has to stay as it is. */
  function liftedInputs(node: GraphNode): string[] | undefined {
    const rows = rowwise[node.op]
    if (!rows || !node.inputs.some((name, i) => rows.includes(i) && lifted.has(name))) return undefined
    const inputs = node.inputs.map((name, i) => {
      if (!rows.includes(i)) return lifted.has(name) ? undefined : (alias.get(name) ?? name)
      const same = (shapes.get(name)?.length ?? 2) < 2 && !lifted.has(name) ? name : undefined
      return lifted.get(name) ?? same
    })
    return inputs.includes(undefined) ? undefined : (inputs as string[])
  }

  for (const node of graph.nodes) {
    const [x, y] = [node.inputs[0] ?? '', node.outputs[0]!]
    const isFree = node.op === 'Reshape' && !outputs.has(y)
    if (isFree && merges(shapes.get(x), shapes.get(y))) {
      lifted.set(y, alias.get(x) ?? x)
    } else if (isFree && lifted.has(x) && merges(shapes.get(y), shapes.get(x))) {
      alias.set(y, lifted.get(x)!)
    } else {
      const inputs = liftedInputs(node)
      if (!inputs) {
        nodes.push({ ...node, inputs: node.inputs.map(flat) })
        continue
      }
      const named = (name: string): string => (name === '' ? '' : `${name}.sequences`)
      nodes.push({ ...node, inputs, outputs: node.outputs.map(named) })
      for (const name of node.outputs) if (name !== '') lifted.set(name, named(name))
    }
  }
  for (const name of outputs) flat(name)
  return { ...graph, nodes, constants: [...graph.constants, ...constants.values()] }
}

function shapesOf({ inputs, weights, constants, nodes }: Graph): Map<string, Shape> {
  const shapes = new Map<string, Shape>()
  for (const { name, shape } of [...inputs, ...weights, ...constants]) shapes.set(name, shape)
  for (const node of nodes) {
    node.outputs.forEach((name, i) => {
      const shape = node.shapes?.[i]
      if (shape) shapes.set(name, shape)
    })
  }
  return shapes
}

/** Whether `rows` is `sequences` with the first two axes, B and T, made one; the others are fixed. */
function merges(sequences: Shape | undefined, rows: Shape | undefined): boolean {
  if (!sequences || !rows || sequences.length !== rows.length + 1) return false
  const [B, T, ...rest] = sequences
  return (
    (rows[0] === `${B}*${T}` || rows[0] === `${T}*${B}`) &&
    rest.every((dim, i) => typeof dim === 'number' && dim === rows[i + 1])
  )
}
