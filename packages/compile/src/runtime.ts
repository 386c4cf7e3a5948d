import type { ElementType } from './graph.ts'

export type HostArray = Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array

/** Numbers in host memory with a shape. The runtime reads or writes the array in place where it can. */
export interface HostTensor {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: HostArray
}

export interface SessionOptions {
  /** Threads inside a kernel. Default: what the runtime finds. */
  readonly threads?: number
  /** Whether threads spin for work while a graph runs. Off when several graphs run at once. Default: true. */
  readonly spin?: boolean
  /** Sessions of one group, which may be any object, share the memory of what the runtime makes of equal weights. */
  readonly group?: object
  /** Writes a trace of kernel times to a file of this prefix, for profiling. */
  readonly profile?: string
}

export interface RunOptions {
  readonly signal?: AbortSignal
}

/** A run that may be repeated: with what the arrays hold by then. */
export interface BoundRun {
  run(options?: RunOptions): Promise<void>
  /** Gives back what the runtime keeps for it, not the arrays. */
  dispose(): void
}

/** A loaded graph. Runs of one session must not overlap. */
export interface RuntimeSession {
  /** Fills `outputs` from `inputs`; arrays must not be touched until the promise settles. */
  run(
    inputs: Readonly<Record<string, HostTensor>>,
    outputs: Readonly<Record<string, HostTensor>>,
    options?: RunOptions,
  ): Promise<void>
  /** Prepares runs over the same arrays: nothing is made for each. An array may be input and output at once. */
  bind(inputs: Readonly<Record<string, HostTensor>>, outputs: Readonly<Record<string, HostTensor>>): BoundRun
  dispose(): Promise<void>
}

/** Something that executes ONNX models: ONNX Runtime in Node or in a browser. */
export interface Runtime {
  readonly name: string
  /** Whether weights may be left out of the model's bytes and be given as arrays, which are used where they are. */
  readonly sharesWeights: boolean
  createSession(
    model: Uint8Array,
    options?: SessionOptions,
    weights?: Readonly<Record<string, HostTensor>>,
  ): Promise<RuntimeSession>
}
