import { batchMatMul, cast, gemm, mul, reduce, registerLowering, reshape, scalar } from '../lowering.ts'
import { sizeOf, type GraphBuilder, type Value } from '../graph.ts'

registerLowering('BatchMatMul', ({ a, b }, attributes, graph) => {
  const options = { transA: Boolean(attributes['transposeA']), transB: Boolean(attributes['transposeB']) }
  const single = (value: Value): boolean => value.shape.slice(0, -2).every((dim) => dim === 1)
  if (!single(a!) || !single(b!)) return batchMatMul(graph, a!, b!, options)
  const matrix = (value: Value): Value => reshape(graph, value, value.shape.slice(-2))
  const product = gemm(graph, matrix(a!), matrix(b!), options)
  return reshape(graph, product, [...a!.shape.slice(0, -2), ...product.shape])
})

registerLowering('GatherV2', ({ x, indices }, attributes, graph) => {
  const axis = attributes['axis'] as number
  const batchDims = (attributes['batchDims'] as number | undefined) ?? 0
  if (batchDims > 0) return gatherBatched(graph, x!, indices!, axis, batchDims)
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)]
  return graph.node('Gather', [x!, indices!], { dtype: x!.dtype, shape }, { attributes: { axis: { int: axis } } })
})

/** Batched gather along the axis right after the batch dimensions, as GatherND has it. */
function gatherBatched(graph: GraphBuilder, x: Value, indices: Value, axis: number, batchDims: number): Value {
  const last = reshape(graph, cast(graph, indices, 'int64'), [...indices.shape, 1])
  const shape = [...indices.shape, ...x.shape.slice(axis + 1)]
  return graph.node(
    'GatherND',
    [x, last],
    { dtype: x.dtype, shape },
    { attributes: { batch_dims: { int: batchDims } } },
  )
}

registerLowering('GatherNd', ({ params, indices }, _, graph) => {
  const depth = indices!.shape.at(-1)!
  const shape = [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)]
  return graph.node('GatherND', [params!, cast(graph, indices!, 'int64')], { dtype: params!.dtype, shape })
})

registerLowering('OneHot', ({ indices }, attributes, graph) => {
  const depth = attributes['depth'] as number
  const dtype = (attributes['dtype'] as 'float32' | 'int32' | 'bool' | undefined) ?? 'int32'
  const onValue = attributes['onValue'] as number
  const offValue = attributes['offValue'] as number
  const values = graph.constant('float32', [2], [offValue, onValue])
  const hot = graph.node('OneHot', [cast(graph, indices!, 'int64'), scalar(graph, depth, 'int64'), values], {
    dtype: 'float32',
    shape: [...indices!.shape, depth],
  })
  return cast(graph, hot, dtype)
})

registerLowering('UnsortedSegmentSum', ({ x, segmentIds }, attributes, graph) => {
  const segments = attributes['numSegments'] as number
  const shape = [segments, ...x!.shape.slice(1)]
  const zeros = graph.node('Expand', [scalar(graph, 0, x!.dtype), graph.dims(shape)], { dtype: x!.dtype, shape })
  return scatterAdd(graph, zeros, segmentIds!, x!)
})

registerLowering('ScatterNd', ({ indices, updates }, attributes, graph) => {
  const shape = attributes['shape'] as number[]
  const depth = indices!.shape.at(-1)!
  const [outer, inner] = [shape.slice(0, depth), shape.slice(depth)]
  const count = sizeOf(indices!.shape) / depth
  // Several indices become the one of the place that they lead to.
  const strides = outer.map((_, axis) => sizeOf(outer.slice(axis + 1)))
  const steps = mul(graph, reshape(graph, indices!, [count, depth]), graph.constant('int32', [depth], strides))
  const places = depth === 1 ? reshape(graph, indices!, [count]) : reduce(graph, 'ReduceSum', steps, [1], false)
  const flat = [sizeOf(outer), ...inner]
  const zeros = graph.node('Expand', [scalar(graph, 0, updates!.dtype), graph.dims(flat)], {
    dtype: updates!.dtype,
    shape: flat,
  })
  return reshape(graph, scatterAdd(graph, zeros, places, reshape(graph, updates!, [count, ...inner])), shape)
})

/**
 * `into` with row i of `updates` added to row `rows[i]`. The runtime's ScatterND is ten times as fast and wrong: it adds from
 * several threads at once, so that rows which occur more than once lose summands now and then. Where that time counts, the caller
 * takes the summands (`CompileOptions.summands`).
 */
export function scatterAdd(graph: GraphBuilder, into: Value, rows: Value, updates: Value): Value {
  const column = reshape(graph, cast(graph, rows, 'int64'), [rows.shape[0]!, ...updates.shape.slice(1).map(() => 1)])
  const index = graph.node('Expand', [column, graph.dims(updates.shape)], { dtype: 'int64', shape: updates.shape })
  return graph.node('ScatterElements', [into, index, updates], into, {
    attributes: { axis: { int: 0 }, reduction: { string: 'add' } },
  })
}
