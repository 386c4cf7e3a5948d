import { engine, KernelBackend, registerKernel, type DataType, type TensorInfo } from '@stemkit/tensor'
import { StemkitError } from '@stemkit/spec/errors'
import { createGraphBuilder, sizeOf, type ElementType, type GraphBuilder, type Value } from './graph.ts'
import { lower, onLowering } from './lowering.ts'

export const RECORDING_BACKEND = 'stemkit-recording'

type Values = Float32Array | Int32Array | Uint8Array
/** What tfjs hands over: numbers, nothing, or encoded strings. */
type BackendValues = Parameters<KernelBackend['write']>[0]

/** What a tensor is while recording: a graph value, or numbers that become a constant when first used. */
interface Entry {
  value?: Value
  readonly numbers?: Values
  readonly shape: readonly number[]
  readonly dtype: ElementType
  references: number
}

/** A tfjs backend whose kernels append graph nodes instead of computing. */
export class RecordingBackend extends KernelBackend {
  readonly graph: GraphBuilder = createGraphBuilder()
  readonly #entries = new Map<object, Entry>()

  /** The graph value of a tensor. */
  graphValue(info: TensorInfo): Value {
    const entry = this.#entry(info.dataId)
    const value = (entry.value ??= this.#constant(entry))
    // Reshape without a kernel call: tfjs shares one data id between tensors of different shapes.
    if (value.shape.length === info.shape.length && value.shape.every((dim, i) => dim === info.shape[i])) return value
    return this.graph.node('Reshape', [value, this.graph.dims(info.shape)], { dtype: value.dtype, shape: info.shape })
  }

  /** Makes a tensor's data for a graph value. */
  infoOf(value: Value): TensorInfo {
    const dataId = {}
    this.#entries.set(dataId, { value, shape: value.shape, dtype: value.dtype, references: 1 })
    // tfjs has no int8.
    return { dataId, shape: [...value.shape], dtype: value.dtype === 'int8' ? 'int32' : (value.dtype as DataType) }
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    const dataId = {}
    this.move(dataId, values, shape, dtype, 1)
    return dataId
  }

  override move(dataId: object, values: BackendValues, shape: number[], dtype: DataType, references: number): void {
    const type = elementType(dtype)
    const copy = values ? typed(type, values as Values) : typed(type, new Uint8Array(sizeOf(shape)))
    this.#entries.set(dataId, { numbers: copy, shape, dtype: type, references })
  }

  override readSync(dataId: object): Values {
    const entry = this.#entry(dataId)
    if (entry.numbers) return entry.numbers
    throw new StemkitError(
      'unsupported',
      'compile: a tensor was read (dataSync, array, print) while the function was recorded, where it has no numbers yet; return it as an output instead',
    )
  }

  override async read(dataId: object): Promise<Values> {
    return this.readSync(dataId)
  }

  override disposeData(dataId: object, force = false): boolean {
    const entry = this.#entries.get(dataId)
    if (!entry) return true
    entry.references--
    if (!force && entry.references > 0) return false
    this.#entries.delete(dataId)
    return true
  }

  override refCount(dataId: object): number {
    return this.#entries.get(dataId)?.references ?? 0
  }

  override incRef(dataId: object): void {
    this.#entry(dataId).references++
  }

  override numDataIds(): number {
    return this.#entries.size
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true }
  }

  override timerAvailable(): boolean {
    return false
  }

  override floatPrecision(): 32 {
    return 32
  }

  override epsilon(): number {
    return 1e-7
  }

  override dispose(): void {
    this.#entries.clear()
  }

  /** Numbers as a constant; many equal ones (tfjs's `ones`, `zeros`) by their shape, which may be symbolic. */
  #constant({ dtype, shape, numbers }: Entry): Value {
    const first = numbers![0]
    if (numbers!.length < 2 || first === undefined || !numbers!.every((number: number) => number === first)) {
      return this.graph.constant(dtype, shape, numbers!)
    }
    return this.graph.node('Expand', [this.graph.constant(dtype, [], [first]), this.graph.dims(shape)], {
      dtype,
      shape,
    })
  }

  /** A tensor of another backend that the function closes over: its numbers become a constant. */
  #captured(dataId: object): Entry | undefined {
    const owner = engine().state.tensorInfo.get(dataId)
    if (!owner || owner.backend instanceof RecordingBackend) return undefined
    const numbers = owner.backend.readSync(dataId) as Values
    const entry: Entry = { numbers, shape: owner.shape, dtype: elementType(owner.dtype), references: 1 }
    this.#entries.set(dataId, entry)
    return entry
  }

  #entry(dataId: object): Entry {
    const entry = this.#entries.get(dataId) ?? this.#captured(dataId)
    if (entry) return entry
    throw new StemkitError(
      'unsupported',
      'compile: a tensor of an earlier recording was used; it has no numbers, return it as an output of its own function instead',
    )
  }
}

function elementType(dtype: DataType): ElementType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype
  throw new StemkitError(
    'unsupported',
    `compile: tensors of dtype ${dtype} cannot be recorded; use float32, int32 or bool`,
  )
}

function typed(dtype: ElementType, values: ArrayLike<number>): Values {
  if (dtype === 'float32') return Float32Array.from(values)
  return dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values)
}

onLowering((kernel) => {
  registerKernel({
    kernelName: kernel,
    backendName: RECORDING_BACKEND,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const recorder = backend as RecordingBackend
      const values: Record<string, Value> = {}
      for (const [name, info] of Object.entries(inputs)) {
        if (info) values[name] = recorder.graphValue(info)
      }
      const outputs = lower(kernel, values, attrs ?? {}, recorder.graph).map((value) => recorder.infoOf(value))
      return outputs.length === 1 ? outputs[0]! : outputs
    },
  })
})
