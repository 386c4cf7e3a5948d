import { createRequire } from 'node:module'
import { StemkitError } from '@stemkit/spec/errors'
import { onnxRuntimeCApi } from './node/onnxruntime-c-api.ts'
import { disableTelemetry } from './node/telemetry.ts'
import { onnxRuntimeBinding, type OnnxRuntimeModule } from './onnxruntime-binding.ts'
import type { Runtime } from './runtime.ts'

export { onnxRuntimeCApi } from './node/onnxruntime-c-api.ts'

/** `onnxruntime-node` through its own binding. */
export function onnxRuntimeNode(): Runtime {
  disableTelemetry()
  try {
    const ort = createRequire(import.meta.url)('onnxruntime-node') as OnnxRuntimeModule
    return onnxRuntimeBinding(ort, { name: 'onnxruntime-node' })
  } catch (error) {
    throw new StemkitError(
      'unsupported',
      `onnxruntime-node cannot be loaded (${(error as Error).message.split('\n')[0]}); install onnxruntime-node`,
      { cause: error },
    )
  }
}

/** The fastest runtime of this machine: the C API, or `onnxruntime-node`'s binding where that cannot be loaded. */
export function nodeRuntime(): Runtime {
  try {
    return onnxRuntimeCApi()
  } catch {
    return onnxRuntimeNode()
  }
}
