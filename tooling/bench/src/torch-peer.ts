import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { startPeer, type Peer } from './process-peer.ts'

const SCRIPT = fileURLToPath(new URL('../peers/torch_step.py', import.meta.url))
/** Debian's own Python: another one, without PyTorch, may come first on PATH. */
const PYTHON = process.env['STEMKIT_PYTHON'] ?? '/usr/bin/python3'
const HOW_TO_INSTALL = 'apt-get install python3-torch libopenblas0-openmp (or name a python with STEMKIT_PYTHON)'

/**
 * `tuned`: OpenBLAS on OpenMP's threads, one per core, that spin between operations. `default`: as the Debian packages
 * come, with the OpenBLAS that keeps threads of its own where that is installed.
 */
export type TorchSetup = 'tuned' | 'default'

export interface TorchOptions {
  /** The JSON file of `writeTask`; models of dense and STEM layers. */
  readonly task: string
  readonly setup: TorchSetup
  /** Ends the process. */
  readonly signal?: AbortSignal
}

/**
 * Starts a process in which PyTorch trains the model of a task.
 * @throws unsupported where PyTorch, or the OpenBLAS that `tuned` needs, is not installed; io if the process fails
 */
export async function startTorchPeer({ task, setup, signal }: TorchOptions): Promise<Peer> {
  return startPeer({ command: PYTHON, args: [SCRIPT, task], env: environment(setup), explain, signal })
}

function explain(failure: Error | undefined, complaint: string): Error {
  const missing = failure !== undefined || /No module named '(torch|numpy)'/.test(complaint)
  if (missing) return new StemkitError('unsupported', `${PYTHON} has no PyTorch: ${HOW_TO_INSTALL}`, { cause: failure })
  return new StemkitError(
    'io',
    `the PyTorch process ended: ${complaint.trim().split('\n').at(-1) || 'it said nothing'}`,
  )
}

/** Settings of OpenBLAS and OpenMP that happen to be set here must not decide the comparison. */
function environment(setup: TorchSetup): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(OPENBLAS|OMP|GOMP|GOTO|MKL|KMP)_|^LD_PRELOAD$/.test(name)),
  )
  const library = findOpenBlas(setup === 'tuned' ? 'openmp' : 'pthread')
  if (setup === 'default') return library === undefined ? inherited : { ...inherited, LD_PRELOAD: library }
  if (library === undefined) {
    throw new StemkitError('unsupported', `OpenBLAS on OpenMP's threads is not installed: ${HOW_TO_INSTALL}`)
  }
  return {
    ...inherited,
    LD_PRELOAD: library,
    OMP_NUM_THREADS: String(availableParallelism()),
    OMP_WAIT_POLICY: 'active',
  }
}

/** Debian keeps each variant at /usr/lib/<architecture>/openblas-<threads>/libopenblas.so.0. */
function findOpenBlas(threads: 'openmp' | 'pthread'): string | undefined {
  if (!existsSync('/usr/lib')) return undefined
  return readdirSync('/usr/lib')
    .map((architecture) => join('/usr/lib', architecture, `openblas-${threads}`, 'libopenblas.so.0'))
    .find((path) => existsSync(path))
}
