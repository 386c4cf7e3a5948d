import { compile, type Program } from './compile.ts'
import { eager } from './eager.ts'
import type { FrozenWeights } from './frozen.ts'
import type { Runtime, SessionOptions } from './runtime.ts'
import type { InputSpec, TensorFunction } from './trace.ts'

export interface LoadOptions {
  /** See `CompileOptions`. */
  readonly frozen?: FrozenWeights
  /** See `CompileOptions`. An engine may give the sums all the same; `Program.summands` tells. */
  readonly summands?: readonly string[]
  /** See `SessionOptions`. */
  readonly group?: object
}

/** A way to execute functions over tensors. Callers cannot tell one from another except by the clock. */
export interface Engine {
  readonly name: string
  load(fn: TensorFunction, inputs: Readonly<Record<string, InputSpec>>, options?: LoadOptions): Promise<Program>
}

/** Records functions and runs them on ONNX Runtime. */
export const compiledEngine = (runtime: Runtime, session: SessionOptions = {}): Engine => ({
  name: 'compiled',
  load: (fn, inputs, { group, ...options } = {}) =>
    compile(fn, { inputs, runtime, session: { ...session, ...(group && { group }) }, ...options }),
})

/** Calls functions on the current tfjs backend at each run. */
export const eagerEngine = (): Engine => ({
  name: 'eager',
  load: async (fn, inputs, options) => eager(fn, { inputs, ...options }),
})
