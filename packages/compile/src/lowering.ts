import { StemkitError } from '@stemkit/spec/errors'
import type { ElementType, GraphBuilder, Value } from './graph.ts'

/** Inputs of a kernel by tfjs's names; list kernels (AddN, Concat, Pack) number theirs. */
export type KernelInputs = Readonly<Record<string, Value>>
export type KernelAttributes = Readonly<Record<string, unknown>>

/** Turns one tfjs kernel into graph nodes. Several outputs come in the kernel's order. */
export type Lowering = (inputs: KernelInputs, attributes: KernelAttributes, graph: GraphBuilder) => Value | Value[]

const lowerings = new Map<string, Lowering>()
const listeners: ((kernel: string) => void)[] = []

/**
 * Teaches `compile` a kernel, so that functions which use it can be recorded.
 * @example
 * registerLowering('Cosh', ({ x }, _, graph) => graph.node('Cosh', [x], x))
 */
export function registerLowering(kernel: string, lowering: Lowering): void {
  const isNew = !lowerings.has(kernel)
  lowerings.set(kernel, lowering)
  if (isNew) for (const listener of listeners) listener(kernel)
}

/** Calls `listener` for every kernel that has a lowering, now and later. */
export function onLowering(listener: (kernel: string) => void): void {
  listeners.push(listener)
  for (const kernel of lowerings.keys()) listener(kernel)
}

export function lower(
  kernel: string,
  inputs: KernelInputs,
  attributes: KernelAttributes,
  graph: GraphBuilder,
): Value[] {
  const result = lowerings.get(kernel)!(inputs, attributes, graph)
  return Array.isArray(result) ? result : [result]
}

/** The shape of a broadcast elementwise result. */
function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new StemkitError('bad-input', `compile: shapes [${a.join()}] and [${b.join()}] do not broadcast`)
    }
    return x === 1 ? y : x
  })
}

export const scalar = (graph: GraphBuilder, value: number, dtype: ElementType = 'float32'): Value =>
  graph.constant(dtype, [], [value])

export const cast = (graph: GraphBuilder, x: Value, dtype: ElementType): Value =>
  x.dtype === dtype
    ? x
    : graph.node('Cast', [x], { dtype, shape: x.shape }, { attributes: { to: { int: onnxType[dtype] } } })

/** ONNX's numbers of the element types. */
export const onnxType: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
}

export const reshape = (graph: GraphBuilder, x: Value, shape: readonly number[]): Value =>
  x.shape.length === shape.length && x.shape.every((dim, i) => dim === shape[i])
    ? x
    : graph.node('Reshape', [x, graph.dims(shape)], { dtype: x.dtype, shape })

export const transpose = (graph: GraphBuilder, x: Value, perm: readonly number[]): Value =>
  perm.every((axis, i) => axis === i)
    ? x
    : graph.node(
        'Transpose',
        [x],
        { dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) },
        { attributes: { perm: { ints: perm } } },
      )

/** `op(a, b)` with broadcasting, in a's type unless given. */
export const binary = (graph: GraphBuilder, op: string, a: Value, b: Value, dtype: ElementType = a.dtype): Value =>
  graph.node(op, [a, b], { dtype, shape: broadcastShape(a.shape, b.shape) })

export const mul = (graph: GraphBuilder, a: Value, b: Value): Value => binary(graph, 'Mul', a, b)
export const add = (graph: GraphBuilder, a: Value, b: Value): Value => binary(graph, 'Add', a, b)
export const sub = (graph: GraphBuilder, a: Value, b: Value): Value => binary(graph, 'Sub', a, b)

/** a b of two matrices; either may be read transposed. */
export function gemm(
  graph: GraphBuilder,
  a: Value,
  b: Value,
  { transA = false, transB = false }: { transA?: boolean; transB?: boolean } = {},
): Value {
  const [m, ka] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!]
  const [kb, n] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!]
  if (ka !== kb) {
    throw new StemkitError(
      'bad-input',
      `compile: matrix product of [${a.shape.join()}] and [${b.shape.join()}] does not fit`,
    )
  }
  return graph.node(
    'Gemm',
    [a, b],
    { dtype: 'float32', shape: [m, n] },
    { attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) } } },
  )
}

/** alpha a b over the last two axes, leading axes alike; either may be read transposed. */
export function batchMatMul(
  graph: GraphBuilder,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1 }: { transA?: boolean; transB?: boolean; alpha?: number } = {},
): Value {
  const m = a.shape.at(transA ? -1 : -2)!
  const n = b.shape.at(transB ? -2 : -1)!
  return graph.node(
    'FusedMatMul',
    [a, b],
    { dtype: 'float32', shape: [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] },
    {
      domain: 'com.microsoft',
      attributes: { alpha: { float: alpha }, transA: { int: Number(transA) }, transB: { int: Number(transB) } },
    },
  )
}

/** Sum, maximum ... over axes; without axes, over all. */
export function reduce(
  graph: GraphBuilder,
  op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd',
  x: Value,
  axes: readonly number[],
  keepDims: boolean,
): Value {
  const rank = x.shape.length
  const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis))
  const shape = keepDims
    ? x.shape.map((dim, i) => (positive.includes(i) ? 1 : dim))
    : x.shape.filter((_, i) => !positive.includes(i))
  return graph.node(
    op,
    [x, graph.constant('int64', [positive.length], positive)],
    { dtype: x.dtype, shape },
    { attributes: { keepdims: { int: Number(keepDims) }, noop_with_empty_axes: { int: 1 } } },
  )
}
