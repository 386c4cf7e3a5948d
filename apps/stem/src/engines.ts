import { availableParallelism } from 'node:os'
import { compiledEngine, eagerEngine, type Engine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { StemkitError } from '@stemkit/spec/errors'
import { useBackend } from '@stemkit/tensor'
import { setUpDawn } from '@stemkit/tensor/node'

export type EngineName = 'compiled' | 'eager-cpu' | 'eager-webgpu'

/** Opens what computes: ONNX Runtime, or a tfjs backend. */
export async function openEngine(name: EngineName, threads = availableParallelism()): Promise<Engine> {
  if (name === 'compiled') return compiledEngine(nodeRuntime(), { threads })
  if (name === 'eager-cpu') {
    await import('@tensorflow/tfjs-backend-cpu')
    await useBackend('cpu')
    return eagerEngine()
  }
  const dawn = await setUpDawn()
  if (!dawn.ready) throw new StemkitError('unsupported', `engine eager-webgpu: ${dawn.reason}`)
  await import('@tensorflow/tfjs-backend-webgpu')
  await useBackend('webgpu')
  return eagerEngine()
}
