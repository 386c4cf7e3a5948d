import { StemkitError } from '@stemkit/spec/errors'
import { freeze, type FrozenWeights } from './frozen.ts'
import { withGrams } from './grams.ts'
import type { ElementType, GraphPort } from './graph.ts'
import { encodeOnnxModel } from './onnx-model.ts'
import { leaveSummands } from './summands.ts'
import type { BoundRun, HostArray, HostTensor, RunOptions, Runtime, SessionOptions } from './runtime.ts'
import { portSize, trace, type InputSpec, type TensorFunction } from './trace.ts'

export type Arrays = Record<string, HostArray>

export interface ProgramRunOptions extends RunOptions {
  /** Arrays that receive outputs, by name; others are allocated. */
  readonly into?: Readonly<Arrays>
}

/** A function over tensors, ready to be run on plain arrays. Runs must not overlap. */
export interface Program {
  /** Outputs that are given as their summands [N, w], each with the input that has the rows [N] that they are added to. */
  readonly summands: ReadonlyMap<string, string>
  /**
   * Runs the function. Sizes of symbolic dimensions follow from the lengths of the arrays.
   * @throws StemkitError 'bad-input' naming an array that is missing or has the wrong type or length
   */
  run(feeds: Readonly<Arrays>, options?: ProgramRunOptions): Promise<Arrays>
  /**
   * Prepares runs over the same arrays, for what is run again and again: `into` receives the outputs, all of them. An array may
   * be among `feeds` and `into`, such as a cache that a run adds to.
   * @throws as `run`
   */
  bind(feeds: Readonly<Arrays>, into: Readonly<Arrays>): BoundRun
  dispose(): Promise<void>
}

export interface CompiledProgram extends Program {
  /** The bytes of the `.onnx` file. */
  readonly model: Uint8Array
  readonly inputs: readonly GraphPort[]
  readonly outputs: readonly GraphPort[]
  /** By weight, the output that has its gram; see `CompileOptions.grams`. */
  readonly grams: ReadonlyMap<string, string>
}

export interface CompileOptions {
  readonly inputs: Readonly<Record<string, InputSpec>>
  /**
   * Weights of the function, beside its inputs: the runtime may lay them out as suits it. The function sees float32 tensors
   * of their shapes. The arrays must stay as they are until the program is disposed.
   */
  readonly frozen?: FrozenWeights
  /**
   * Frozen weights [N, K] of which more is asked: for their products x w^T the program also gives x^T x [K, K], which tells
   * what inputs they are used with. Several weights may share such an output.
   */
  readonly grams?: readonly string[]
  /**
   * Outputs of which the caller adds up the summands, which is faster outside of the graph. As the gradient of `gatherRows` is, y [U, w] is
   * to be zeros with row n of some matrix [N, w] added to row ids[n], and `ids` an input. The program then gives that matrix instead, and
   * `Program.summands` says so. Outputs of another form stay as they are.
   */
  readonly summands?: readonly string[]
  readonly runtime: Runtime
  readonly session?: SessionOptions
}

/**
 * Turns a function over tfjs tensors, gradients included, into an ONNX graph on the given runtime.
 * The function is called here, once or (with symbolic sizes) twice, and never again.
 */
export async function compile(fn: TensorFunction, options: CompileOptions): Promise<CompiledProgram> {
  const { runtime, frozen = {} } = options
  const asked = new Map((options.grams ?? []).map((name) => [name, shapeOf(frozen, name)]))
  const { graph: plain, rowsOf } = leaveSummands(trace(fn, options.inputs, shapesOf(frozen)), options.summands ?? [])
  const { graph: recorded, gramOf } = withGrams(plain, asked)
  const isFrozen = Object.keys(frozen).length > 0
  const { graph, initializers } = isFrozen ? freeze(recorded, frozen) : { graph: recorded, initializers: {} }
  const model = encodeOnnxModel(graph, runtime.sharesWeights ? {} : { weights: initializers })
  const session = await runtime.createSession(model, options.session, initializers)
  const hosts = (feeds: Readonly<Arrays>, into: Readonly<Arrays>) => {
    const sizes: Record<string, number> = {}
    for (const port of graph.inputs) bindSizes(port, feeds, sizes)
    const arrays = { ...into }
    for (const port of graph.outputs) arrays[port.name] ??= allocate(port, sizes)
    const named = (ports: readonly GraphPort[], from: Readonly<Arrays>): Record<string, HostTensor> =>
      Object.fromEntries(ports.map((port) => [port.name, hostTensor(port, from, sizes)]))
    return { inputs: named(graph.inputs, feeds), outputs: named(graph.outputs, arrays) }
  }
  return {
    model,
    inputs: graph.inputs,
    outputs: graph.outputs,
    grams: gramOf,
    summands: rowsOf,
    async run(feeds, { into = {}, signal } = {}) {
      const { inputs, outputs } = hosts(feeds, into)
      await session.run(inputs, outputs, signal ? { signal } : {})
      return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]))
    },
    bind(feeds, into) {
      const { inputs, outputs } = hosts(feeds, into)
      return session.bind(inputs, outputs)
    },
    dispose: () => session.dispose(),
  }
}

function shapeOf(frozen: FrozenWeights, name: string): readonly number[] {
  const weight = Object.hasOwn(frozen, name) ? frozen[name] : undefined
  if (weight) return weight.shape
  throw new StemkitError('bad-input', `compile: grams names "${name}", which is none of the frozen weights`)
}

const shapesOf = (frozen: FrozenWeights): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(frozen).map(([name, { shape }]) => [name, shape]))

/** The bytes of an `.onnx` file of `fn`, without a runtime. */
export function exportOnnx(
  fn: TensorFunction,
  inputs: Readonly<Record<string, InputSpec>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  return encodeOnnxModel(trace(fn, inputs), { metadata })
}

function allocate(port: GraphPort, sizes: Readonly<Record<string, number>>): HostArray {
  const { length } = portSize(port, sizes)
  if (port.dtype === 'float32') return new Float32Array(length)
  if (port.dtype === 'int32') return new Int32Array(length)
  return port.dtype === 'int8' ? new Int8Array(length) : new Uint8Array(length)
}

/** Solves the port's symbols from the length of its array. */
export function bindSizes(port: GraphPort, feeds: Readonly<Arrays>, sizes: Record<string, number>): void {
  const unknown = port.shape.filter((dim) => typeof dim === 'string' && !(dim in sizes)) as string[]
  const array = feeds[port.name]
  if (unknown.length === 0 || !array) return
  if (unknown.length > 1) {
    throw new StemkitError(
      'bad-input',
      `run: the sizes ${unknown.join(', ')} of input "${port.name}" cannot be told from its length; put an input before it that has only one of them`,
    )
  }
  const known = port.shape
    .filter((dim) => dim !== unknown[0])
    .reduce<number>((a, dim) => a * (sizes[dim] ?? Number(dim)), 1)
  sizes[unknown[0]!] = array.length / known
}

function typeOf(data: HostArray): ElementType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Int32Array) return 'int32'
  return data instanceof Int8Array ? 'int8' : 'bool'
}

export function hostTensor(
  port: GraphPort,
  arrays: Readonly<Arrays>,
  sizes: Readonly<Record<string, number>>,
): HostTensor {
  const data = arrays[port.name]
  if (!data)
    throw new StemkitError('bad-input', `run: no array for "${port.name}" (${port.dtype} [${port.shape.join()}])`)
  const { shape, length } = portSize(port, sizes)
  const type = typeOf(data)
  if (type !== port.dtype || data.length !== length) {
    throw new StemkitError(
      'bad-input',
      `run: "${port.name}" wants ${port.dtype} [${shape.join()}], ${length} numbers, but got ${data.length} of ${type}`,
    )
  }
  return { dtype: port.dtype, shape, data }
}
