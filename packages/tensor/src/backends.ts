import { StemkitError } from '@stemkit/spec/errors'
import { findBackend, getBackend, ready, setBackend } from './tfjs.ts'

/**
 * Makes a tfjs backend ('cpu', 'wasm', 'webgpu', ...) the current one and waits until it can run. Its package must have
 * been imported, as `import '@tensorflow/tfjs-backend-cpu'` does. Throws 'not-found' where it was not, 'unsupported'
 * where it cannot start on this machine.
 */
export async function useBackend(name: string): Promise<void> {
  if (getBackend() === name) return ready()
  let started: boolean
  try {
    started = await setBackend(name)
  } catch (cause) {
    throw new StemkitError(
      'not-found',
      `No tfjs backend '${name}' is registered; import its package first, e.g. '@tensorflow/tfjs-backend-${name}'`,
      { cause },
    )
  }
  if (!started || findBackend(name) === null) {
    throw new StemkitError(
      'unsupported',
      `The tfjs backend '${name}' cannot start here; choose another one, such as 'cpu'`,
    )
  }
}
