import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common'
import { StemkitError } from '@stemkit/spec/errors'
import type { HostTensor, Runtime, RuntimeSession } from './runtime.ts'

/** What `onnxruntime-node` and `onnxruntime-web` have in common. */
export interface OnnxRuntimeModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession>
  }
  readonly Tensor: typeof OrtTensor
}

/**
 * ONNX Runtime through its own JavaScript binding: the web build in a browser, or `onnxruntime-node` where
 * the C API cannot be reached. Outputs are copied, and a run cannot be cancelled once it has begun.
 */
export function onnxRuntimeBinding(
  ort: OnnxRuntimeModule,
  { name = 'onnxruntime (binding)', executionProviders }: { name?: string; executionProviders?: string[] } = {},
): Runtime {
  const wrap = ({ dtype, data, shape }: HostTensor): OrtTensor => {
    if (dtype === 'int64') throw new StemkitError('unsupported', 'run: int64 inputs are not used by compiled functions')
    if (dtype === 'float16') return new ort.Tensor(dtype, data as Uint16Array, [...shape]) as OrtTensor
    return new ort.Tensor(dtype, data as Float32Array, [...shape]) as OrtTensor
  }
  return {
    name,
    sharesWeights: false,
    async createSession(model, options = {}) {
      const session = await ort.InferenceSession.create(model, {
        graphOptimizationLevel: 'all',
        enableMemPattern: false,
        logSeverityLevel: 3,
        ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
        ...(options.profile ? { enableProfiling: true, profileFilePrefix: options.profile } : {}),
        ...(executionProviders ? { executionProviders } : {}),
      })
      const opened: RuntimeSession = {
        async run(inputs, outputs, { signal } = {}) {
          signal?.throwIfAborted()
          const feeds = Object.fromEntries(Object.entries(inputs).map(([key, host]) => [key, wrap(host)]))
          const results = await session.run(feeds, Object.keys(outputs))
          for (const [key, host] of Object.entries(outputs)) host.data.set(results[key]!.data as Float32Array)
          signal?.throwIfAborted()
        },
        bind: (inputs, outputs) => ({
          run: (runOptions) => opened.run(inputs, outputs, runOptions),
          dispose: () => {},
        }),
        dispose: () => session.release(),
      }
      return opened
    },
  }
}
