import { StemkitError } from '@stemkit/spec/errors'
import { env, getBackend, ready, scalar, setBackend } from './tfjs.ts'

/**
 * Makes a tfjs backend ('cpu', 'wasm', 'webgpu', ...) the current one and waits until it can run. Its package must have
 * been imported, as `import '@tensorflow/tfjs-backend-cpu'` does. Throws 'not-found' where it was not, 'unsupported'
 * where it cannot start on this machine; the current backend then stays.
 */
export async function useBackend(name: string): Promise<void> {
  const previous = getBackend()
  if (previous === name) return ready()
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
  if (!started) {
    // tfjs would stay on the broken one.
    if (previous) await setBackend(previous)
    throw new StemkitError(
      'unsupported',
      `The tfjs backend '${name}' cannot start here; choose another one, such as 'cpu'`,
    )
  }
  if (name === 'cpu') skipGreeting()
}

/** The cpu backend greets its first tensor in Node by recommending a package that does not run on current Nodes. */
function skipGreeting(): void {
  const production = env().getBool('PROD')
  env().set('PROD', true)
  scalar(0).dispose()
  env().set('PROD', production)
}
