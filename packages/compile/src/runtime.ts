import type { ElementType } from './graph.ts'

export type HostArray = Float32Array | Int32Array | Uint8Array

/** Numbers in host memory with a shape. The runtime reads or writes the array in place where it can. */
export interface HostTensor {
  readonly dtype: ElementType
  readonly shape: readonly number[]
  readonly data: HostArray
}

export interface SessionOptions {
  /** Threads inside a kernel. Default: what the runtime finds. */
  readonly threads?: number
  /** Whether idle threads spin for work. Off when several sessions live at once. Default: true. */
  readonly spin?: boolean
  /** Writes a trace of kernel times to a file of this prefix, for profiling. */
  readonly profile?: string
}

export interface RunOptions {
  readonly signal?: AbortSignal
}

/** A loaded graph. Runs of one session must not overlap. */
export interface RuntimeSession {
  /** Fills `outputs` from `inputs`; arrays must not be touched until the promise settles. */
  run(
    inputs: Readonly<Record<string, HostTensor>>,
    outputs: Readonly<Record<string, HostTensor>>,
    options?: RunOptions,
  ): Promise<void>
  dispose(): Promise<void>
}

/** Something that executes ONNX models: ONNX Runtime in Node or in a browser. */
export interface Runtime {
  readonly name: string
  createSession(model: Uint8Array, options?: SessionOptions): Promise<RuntimeSession>
}
