import { StemkitError } from '@stemkit/spec/errors'
import { registerLowering, reshape, scalar, transpose } from '../lowering.ts'
import type { GraphBuilder, Value } from '../graph.ts'

registerLowering('Reshape', ({ x }, attributes, graph) => {
  const wanted = attributes['shape'] as number[]
  const size = x!.shape.reduce((a, b) => a * b, 1)
  const known = wanted.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1)
  return reshape(
    graph,
    x!,
    wanted.map((dim) => (dim === -1 ? size / known : dim)),
  )
})
registerLowering('ExpandDims', ({ input }, attributes, graph) => {
  const dim = attributes['dim'] as number
  const at = dim < 0 ? dim + input!.shape.length + 1 : dim
  return reshape(graph, input!, input!.shape.toSpliced(at, 0, 1))
})
registerLowering('Transpose', ({ x }, attributes, graph) => transpose(graph, x!, attributes['perm'] as number[]))
registerLowering('BroadcastTo', ({ x }, attributes, graph) => {
  const shape = attributes['shape'] as number[]
  return graph.node('Expand', [x!, graph.dims(shape)], { dtype: x!.dtype, shape })
})
registerLowering('Tile', ({ x }, attributes, graph) => {
  const reps = attributes['reps'] as number[]
  const shape = x!.shape.map((dim, i) => dim * reps[i]!)
  return graph.node('Tile', [x!, graph.constant('int64', [reps.length], reps)], { dtype: x!.dtype, shape })
})
registerLowering('Concat', (inputs, attributes, graph) => {
  const list = Object.values(inputs)
  const axis = attributes['axis'] as number
  const at = axis < 0 ? axis + list[0]!.shape.length : axis
  const shape = list[0]!.shape.with(
    at,
    list.reduce((sum, value) => sum + value.shape[at]!, 0),
  )
  return graph.node('Concat', list, { dtype: list[0]!.dtype, shape }, { attributes: { axis: { int: at } } })
})
registerLowering('Pack', (inputs, attributes, graph) => {
  const axis = attributes['axis'] as number
  const list = Object.values(inputs).map((value) => reshape(graph, value, value.shape.toSpliced(axis, 0, 1)))
  const shape = list[0]!.shape.with(axis, list.length)
  return graph.node('Concat', list, { dtype: list[0]!.dtype, shape }, { attributes: { axis: { int: axis } } })
})
registerLowering('Unpack', ({ value }, attributes, graph) => {
  const axis = attributes['axis'] as number
  const parts = split(
    graph,
    value!,
    Array.from({ length: value!.shape[axis]! }, () => 1),
    axis,
  )
  return parts.map((part) => reshape(graph, part, part.shape.toSpliced(axis, 1)))
})
registerLowering('SplitV', ({ x }, attributes, graph) => {
  const axis = attributes['axis'] as number
  const at = axis < 0 ? axis + x!.shape.length : axis
  const given = attributes['numOrSizeSplits'] as number | number[]
  const length = x!.shape[at]!
  const sizes = Array.isArray(given) ? given : Array.from({ length: given }, () => length / given)
  const known = sizes.filter((size) => size !== -1).reduce((a, b) => a + b, 0)
  return split(
    graph,
    x!,
    sizes.map((size) => (size === -1 ? length - known : size)),
    at,
  )
})
registerLowering('Slice', ({ x }, attributes, graph) => {
  // Axes that are not named are taken whole; a number names the first axis only.
  const given = (name: string): number[] => [attributes[name] as number | number[]].flat()
  const begin = x!.shape.map((_, i) => given('begin')[i] ?? 0)
  const size = x!.shape.map((dim, i) => {
    const wanted = given('size')[i] ?? -1
    return wanted === -1 ? dim - begin[i]! : wanted
  })
  return slice(
    graph,
    x!,
    begin,
    begin.map((from, i) => from + size[i]!),
    size,
  )
})
registerLowering('StridedSlice', ({ x }, attributes, graph) => {
  const masks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask']
  if (masks.some((mask) => Number(attributes[mask] ?? 0) !== 0)) {
    throw new StemkitError(
      'unsupported',
      'compile: StridedSlice with masks has no lowering; use slice and reshape instead',
    )
  }
  const begin = attributes['begin'] as number[]
  const end = attributes['end'] as number[]
  const strides = attributes['strides'] as number[]
  const shape = begin.map((from, i) => Math.max(0, Math.ceil((end[i]! - from) / strides[i]!)))
  return slice(graph, x!, begin, end, shape, strides)
})
registerLowering('Reverse', ({ x }, attributes, graph) => {
  const given = attributes['dims'] as number | number[]
  const axes = Array.isArray(given) ? given : [given]
  const vector = (values: number[]): Value => graph.constant('int64', [values.length], values)
  const inputs = [
    x!,
    vector(axes.map(() => -1)),
    vector(axes.map(() => -(2 ** 31))),
    vector(axes),
    vector(axes.map(() => -1)),
  ]
  return graph.node('Slice', inputs, x!)
})
registerLowering('PadV2', ({ x }, attributes, graph) => {
  const paddings = attributes['paddings'] as [number, number][]
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]
  const shape = x!.shape.map((dim, i) => dim + paddings[i]![0] + paddings[i]![1])
  const value = scalar(graph, attributes['constantValue'] as number, x!.dtype)
  return graph.node('Pad', [x!, graph.constant('int64', [pads.length], pads), value], { dtype: x!.dtype, shape })
})

function split(graph: GraphBuilder, x: Value, sizes: readonly number[], axis: number): Value[] {
  return graph.nodes(
    'Split',
    [x, graph.dims(sizes)],
    sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.with(axis, size) })),
    { attributes: { axis: { int: axis } } },
  )
}

function slice(
  graph: GraphBuilder,
  x: Value,
  begin: readonly number[],
  end: readonly number[],
  shape: readonly number[],
  strides?: readonly number[],
): Value {
  const axes = graph.constant(
    'int64',
    [begin.length],
    begin.map((_, i) => i),
  )
  const steps = strides && graph.constant('int64', [strides.length], strides)
  return graph.node('Slice', [x, graph.dims(begin), graph.dims(end), axes, ...(steps ? [steps] : [])], {
    dtype: x.dtype,
    shape,
  })
}
