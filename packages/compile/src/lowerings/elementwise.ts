import type { ElementType, GraphBuilder, Value } from '../graph.ts'
import { add, binary, cast, mul, registerLowering, scalar, sub } from '../lowering.ts'

const unary = (kernel: string, op: string): void =>
  registerLowering(kernel, ({ x }, _, graph) => graph.node(op, [x!], x!))

for (const [kernel, op] of [
  ['Abs', 'Abs'],
  ['Neg', 'Neg'],
  ['Exp', 'Exp'],
  ['Log', 'Log'],
  ['Sqrt', 'Sqrt'],
  ['Reciprocal', 'Reciprocal'],
  ['Sigmoid', 'Sigmoid'],
  ['Tanh', 'Tanh'],
  ['Relu', 'Relu'],
  ['Softplus', 'Softplus'],
  ['Erf', 'Erf'],
  ['Sign', 'Sign'],
  ['Floor', 'Floor'],
  ['Ceil', 'Ceil'],
  ['Round', 'Round'],
  ['Sin', 'Sin'],
  ['Cos', 'Cos'],
  ['Tan', 'Tan'],
  ['Sinh', 'Sinh'],
  ['Cosh', 'Cosh'],
  ['Atan', 'Atan'],
  ['Elu', 'Elu'],
  ['LogicalNot', 'Not'],
] as const) {
  unary(kernel, op)
}

// What tfjs does when a gradient saves a tensor: the same value again, so no node.
registerLowering('Identity', ({ x }) => x!)

registerLowering('Square', ({ x }, _, graph) => mul(graph, x!, x!))
registerLowering('Rsqrt', ({ x }, _, graph) => graph.node('Reciprocal', [graph.node('Sqrt', [x!], x!)], x!))
registerLowering('Log1p', ({ x }, _, graph) => graph.node('Log', [add(graph, x!, scalar(graph, 1))], x!))
registerLowering('Expm1', ({ x }, _, graph) => sub(graph, graph.node('Exp', [x!], x!), scalar(graph, 1)))
registerLowering('Relu6', ({ x }, _, graph) => graph.node('Clip', [x!, scalar(graph, 0), scalar(graph, 6)], x!))
registerLowering('ClipByValue', ({ x }, attributes, graph) =>
  graph.node(
    'Clip',
    [
      x!,
      scalar(graph, attributes['clipValueMin'] as number, x!.dtype),
      scalar(graph, attributes['clipValueMax'] as number, x!.dtype),
    ],
    x!,
  ),
)
registerLowering('LeakyRelu', ({ x }, attributes, graph) =>
  graph.node('LeakyRelu', [x!], x!, { attributes: { alpha: { float: attributes['alpha'] as number } } }),
)
registerLowering('Prelu', ({ x, alpha }, _, graph) => binary(graph, 'PRelu', x!, alpha!))
/** 1 where positive, else alpha. */
registerLowering('Step', ({ x }, attributes, graph) => {
  const positive = cast(graph, binary(graph, 'Greater', x!, scalar(graph, 0, x!.dtype), 'bool'), x!.dtype)
  const alpha = (attributes['alpha'] as number | undefined) ?? 0
  return alpha === 0 ? positive : add(graph, mul(graph, positive, scalar(graph, 1 - alpha)), scalar(graph, alpha))
})
registerLowering('EluGrad', ({ dy, y }, _, graph) => {
  // The derivative is 1 for y >= 0 and y + 1 below.
  const slope = add(graph, graph.node('Min', [y!, scalar(graph, 0)], y!), scalar(graph, 1))
  return mul(graph, dy!, slope)
})

for (const [kernel, op] of [
  ['Add', 'Add'],
  ['Sub', 'Sub'],
  ['Multiply', 'Mul'],
  ['RealDiv', 'Div'],
  ['Pow', 'Pow'],
  ['Maximum', 'Max'],
  ['Minimum', 'Min'],
] as const) {
  registerLowering(kernel, ({ a, b }, _, graph) => binary(graph, op, a!, b!))
}
registerLowering('SquaredDifference', ({ a, b }, _, graph) => {
  const difference = sub(graph, a!, b!)
  return mul(graph, difference, difference)
})
registerLowering('FloorDiv', ({ a, b }, _, graph) => {
  const quotient = binary(graph, 'Div', cast(graph, a!, 'float32'), cast(graph, b!, 'float32'))
  return cast(graph, graph.node('Floor', [quotient], quotient), a!.dtype)
})
registerLowering('Mod', ({ a, b }, _, graph) => {
  // The sign follows the divisor, as in tfjs; ONNX's fmod follows the dividend.
  const x = cast(graph, a!, 'float32')
  const y = cast(graph, b!, 'float32')
  const quotient = binary(graph, 'Div', x, y)
  return cast(graph, sub(graph, x, mul(graph, graph.node('Floor', [quotient], quotient), y)), a!.dtype)
})
registerLowering('AddN', (inputs, _, graph) => Object.values(inputs).reduce((a, b) => add(graph, a, b)))

for (const [kernel, op] of [
  ['Greater', 'Greater'],
  ['GreaterEqual', 'GreaterOrEqual'],
  ['Less', 'Less'],
  ['LessEqual', 'LessOrEqual'],
  ['Equal', 'Equal'],
  ['LogicalAnd', 'And'],
  ['LogicalOr', 'Or'],
] as const) {
  registerLowering(kernel, ({ a, b }, _, graph) => binary(graph, op, a!, b!, 'bool'))
}
registerLowering('NotEqual', ({ a, b }, _, graph) => {
  const equal = binary(graph, 'Equal', a!, b!, 'bool')
  return graph.node('Not', [equal], equal)
})

registerLowering('Cast', ({ x }, attributes, graph) => cast(graph, x!, attributes['dtype'] as ElementType))
registerLowering('Select', ({ condition, t, e }, _, graph) => {
  // tfjs lets a vector choose whole rows.
  const rank = t!.shape.length
  const c = condition!
  const wide =
    c.shape.length === 1 && rank > 1
      ? graph.node('Reshape', [c, graph.dims([c.shape[0]!, ...Array.from({ length: rank - 1 }, () => 1)])], {
          dtype: 'bool',
          shape: [c.shape[0]!, ...Array.from({ length: rank - 1 }, () => 1)],
        })
      : c
  return graph.node('Where', [wide, t!, e!], t!)
})
registerLowering('ZerosLike', ({ x }, _, graph) => filledLike(graph, x!, 0))
registerLowering('OnesLike', ({ x }, _, graph) => filledLike(graph, x!, 1))
registerLowering('Fill', (_, attributes, graph) => {
  const shape = attributes['shape'] as number[]
  const dtype = (attributes['dtype'] as ElementType | undefined) ?? 'float32'
  return graph.node('Expand', [scalar(graph, attributes['value'] as number, dtype), graph.dims(shape)], {
    dtype,
    shape,
  })
})

function filledLike(graph: GraphBuilder, x: Value, value: number): Value {
  return graph.node('Expand', [scalar(graph, value, x.dtype), graph.dims(x.shape)], x)
}
