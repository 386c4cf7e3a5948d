import { dispose, keep, tensor, tidy, type DataType, type Tensor } from '@stemkit/tensor'
import { bindSizes, hostTensor, type Arrays, type CompileOptions, type Program } from './compile.ts'
import type { HostArray } from './runtime.ts'
import type { TensorFunction } from './trace.ts'
import { toSingle } from './widen.ts'

/** The same interface over the current tfjs backend: nothing is recorded, the function is called at each run. */
export function eager(fn: TensorFunction, { inputs, frozen = {} }: Pick<CompileOptions, 'inputs' | 'frozen'>): Program {
  const ports = Object.entries(inputs).map(([name, spec]) => ({ name, ...spec }))
  const weights: Record<string, Tensor> = {}
  for (const [name, weight] of Object.entries(frozen)) weights[name] = keep(tensor(toSingle(weight), [...weight.shape]))

  const program: Program = {
    summands: new Map(),
    async run(feeds, { into = {}, signal } = {}) {
      signal?.throwIfAborted()
      const sizes: Record<string, number> = {}
      for (const port of ports) bindSizes(port, feeds, sizes)
      let outputs: Record<string, Tensor> = {}
      tidy(() => {
        const tensors = Object.fromEntries(
          ports.map((port) => {
            const { data, shape, dtype } = hostTensor(port, feeds, sizes)
            const numbers = data instanceof Int8Array ? Int32Array.from(data) : data
            return [port.name, tensor(numbers, [...shape], dtype === 'int8' ? 'int32' : (dtype as DataType))]
          }),
        )
        outputs = fn({ ...weights, ...tensors })
        return Object.values(outputs)
      })
      const result: Arrays = {}
      for (const [name, output] of Object.entries(outputs)) {
        const data = (await output.data()) as HostArray
        output.dispose()
        result[name] = data
        const target = into[name]
        if (target) {
          target.set(data)
          result[name] = target
        }
      }
      return result
    },
    bind: (feeds, into) => ({
      async run({ signal } = {}) {
        await program.run(feeds, { into, ...(signal ? { signal } : {}) })
      },
      dispose: () => {},
    }),
    dispose: async () => dispose(weights),
  }
  return program
}
