import { cast, reduce, registerLowering } from '../lowering.ts'
import type { KernelAttributes } from '../lowering.ts'
import type { Value } from '../graph.ts'

function axesOf(x: Value, attributes: KernelAttributes): number[] {
  const given = (attributes['axis'] ?? attributes['reductionIndices']) as number | number[] | null | undefined
  if (given === null || given === undefined) return x.shape.map((_, i) => i)
  return Array.isArray(given) ? given : [given]
}

for (const [kernel, op] of [
  ['Sum', 'ReduceSum'],
  ['Mean', 'ReduceMean'],
  ['Max', 'ReduceMax'],
  ['Min', 'ReduceMin'],
  ['Prod', 'ReduceProd'],
] as const) {
  registerLowering(kernel, ({ x }, attributes, graph) => {
    const numbers = x!.dtype === 'bool' ? cast(graph, x!, 'int32') : x!
    return reduce(graph, op, numbers, axesOf(x!, attributes), Boolean(attributes['keepDims']))
  })
}

for (const [kernel, op, source] of [
  ['All', 'ReduceMin', 'bool'],
  ['Any', 'ReduceMax', 'bool'],
] as const) {
  registerLowering(kernel, ({ x }, attributes, graph) => {
    const reduced = reduce(graph, op, cast(graph, x!, 'int32'), axesOf(x!, attributes), Boolean(attributes['keepDims']))
    return cast(graph, reduced, source)
  })
}

for (const kernel of ['ArgMax', 'ArgMin'] as const) {
  registerLowering(kernel, ({ x }, attributes, graph) => {
    const axis = attributes['axis'] as number
    const index = graph.node(
      kernel,
      [x!],
      { dtype: 'int64', shape: x!.shape.filter((_, i) => i !== axis) },
      { attributes: { axis: { int: axis }, keepdims: { int: 0 } } },
    )
    return cast(graph, index, 'int32')
  })
}

registerLowering('Softmax', ({ logits }, _, graph) =>
  graph.node('Softmax', [logits!], logits!, { attributes: { axis: { int: -1 } } }),
)
registerLowering('LogSoftmax', ({ logits }, _, graph) =>
  graph.node('LogSoftmax', [logits!], logits!, { attributes: { axis: { int: -1 } } }),
)
registerLowering('Cumsum', ({ x }, attributes, graph) =>
  graph.node('CumSum', [x!, graph.constant('int64', [], [attributes['axis'] as number])], x!, {
    attributes: {
      exclusive: { int: Number(Boolean(attributes['exclusive'])) },
      reverse: { int: Number(Boolean(attributes['reverse'])) },
    },
  }),
)
