import { engine, tidy, type Tensor } from '@stemkit/tensor'
import { StemkitError } from '@stemkit/spec/errors'
import './lowerings/all.ts'
import { sizeOf, type Dimension, type Graph, type GraphPort } from './graph.ts'
import { RECORDING_BACKEND, RecordingBackend } from './recording-backend.ts'
import { explainSymbols } from './symbols.ts'

/**
 * The type of one named input. A string in the shape is a symbol: a size that varies from run to run. The function sees
 * int8 as int32.
 */
export interface InputSpec {
  readonly dtype: 'float32' | 'int32' | 'int8'
  readonly shape: readonly Dimension[]
}

/** Shapes of the weights of a function: float32 inputs that are the same at every run. */
export type WeightShapes = Readonly<Record<string, readonly number[]>>

export type TensorFunction = (inputs: Record<string, Tensor>) => Record<string, Tensor>

/**
 * Records `fn` as a graph by calling it once, or twice at different sizes if it has symbols.
 * @throws StemkitError 'unsupported' for a kernel without a lowering, a value read while recording,
 *   or a difference between the two recordings that the symbols do not explain
 */
export function trace(
  fn: TensorFunction,
  inputs: Readonly<Record<string, InputSpec>>,
  weights: WeightShapes = {},
): Graph {
  const symbols = [
    ...new Set(Object.values(inputs).flatMap((input) => input.shape.filter((dim) => typeof dim === 'string'))),
  ]
  const at = (sizes: Record<string, number>): Graph => record(fn, inputs, sizes, weights)
  if (symbols.length === 0) return at({})
  const [small, large] = traceSizes(symbols, [
    ...Object.values(inputs).map(({ shape }) => shape),
    ...Object.values(weights),
  ])
  return explainSymbols(at(small), at(large), inputs, small, large)
}

/** Primes that no fixed dimension is a multiple of, so that a size cannot be mistaken for another. */
function traceSizes(
  symbols: readonly string[],
  shapes: readonly (readonly Dimension[])[],
): [Record<string, number>, Record<string, number>] {
  const fixed = shapes.flatMap((shape) => shape.filter((dim) => typeof dim === 'number'))
  const primes = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103]
  const free = primes.filter((prime) => fixed.every((dim) => dim % prime !== 0))
  if (free.length < 2 * symbols.length) {
    throw new StemkitError(
      'unsupported',
      `compile: ${symbols.length} symbolic sizes are more than can be told apart here`,
    )
  }
  const pick = (offset: number): Record<string, number> =>
    Object.fromEntries(symbols.map((symbol, i) => [symbol, free[2 * i + offset]!]))
  return [pick(0), pick(1)]
}

function record(
  fn: TensorFunction,
  inputs: Readonly<Record<string, InputSpec>>,
  sizes: Record<string, number>,
  weights: WeightShapes,
): Graph {
  const tfjs = engine()
  const previous = tfjs.backendName as string | undefined
  const backend = new RecordingBackend()
  // The factory returns at once, so tfjs switches synchronously and nothing can run in between.
  tfjs.registerBackend(RECORDING_BACKEND, () => backend)
  void tfjs.setBackend(RECORDING_BACKEND)
  try {
    let graph: Graph | undefined
    tidy(() => {
      const ports = Object.entries(inputs).map(([name, spec]) => {
        const shape = spec.shape.map((dim) => (typeof dim === 'string' ? sizes[dim]! : dim))
        return backend.graph.input(name, spec.dtype, shape)
      })
      const frozen = Object.entries(weights).map(([name, shape]) => backend.graph.input(name, 'float32', shape))
      const tensors = Object.fromEntries(
        [...ports, ...frozen].map((port) => {
          const info = backend.infoOf(port)
          return [port.name, tfjs.makeTensorFromTensorInfo(info)]
        }),
      )
      const outputs = fn(tensors)
      graph = backend.graph.finish(
        ports,
        Object.entries(outputs).map(([name, tensor]) => [name, backend.graphValue(tensor)] as const),
        frozen,
      )
    })
    return graph!
  } catch (error) {
    throw explained(error)
  } finally {
    if (previous) void tfjs.setBackend(previous)
    tfjs.removeBackend(RECORDING_BACKEND)
  }
}

function explained(error: unknown): unknown {
  const kernel = error instanceof Error ? /kernel '(\w+)' (?:not registered )?for/i.exec(error.message)?.[1] : undefined
  if (kernel === undefined) return error
  return new StemkitError(
    'unsupported',
    `compile: the tfjs kernel ${kernel} has no lowering to ONNX; add one with registerLowering('${kernel}', (inputs, attributes, graph) => ...)`,
    { cause: error },
  )
}

/** The number of elements of a port at given symbol sizes. */
export function portSize(
  port: GraphPort,
  sizes: Readonly<Record<string, number>>,
): { shape: number[]; length: number } {
  const shape = port.shape.map((dim) => (typeof dim === 'number' ? dim : evaluate(dim, sizes)))
  return { shape, length: sizeOf(shape) }
}

/** A product of symbols and numbers as `explainSymbols` writes it, such as "2*U" or "B*T". */
function evaluate(expression: string, sizes: Readonly<Record<string, number>>): number {
  return expression.split('*').reduce((product, factor) => product * (sizes[factor] ?? Number(factor)), 1)
}
