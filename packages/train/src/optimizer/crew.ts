import { StemkitError } from '@stemkit/spec/errors'
import type { PoolWorker, SpawnWorker } from '@stemkit/threads'
import { takeChunks, type Board, type Kernel } from './board.ts'
import { workerScript, type WorkerData } from './worker.ts'

/** Whoever does the work: `work` resolves once the job on the board is done. */
export interface Crew {
  work(): Promise<void>
  dismiss(): Promise<void>
}

/** The calling thread alone. */
export async function ownThread({ module, memory, kernels, board }: WorkerData): Promise<Crew> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
  const functions = kernels.map((name) => exports[name] as Kernel)
  return {
    async work() {
      takeChunks(board, functions)
    },
    async dismiss() {},
  }
}

/** `count` threads, running and waiting for jobs. */
export async function startThreads(count: number, spawn: SpawnWorker, data: WorkerData): Promise<Crew> {
  const done = createSignal()
  const workers: PoolWorker[] = []
  const start = async (): Promise<void> => {
    const ready = createSignal()
    const failed = (cause: unknown): void => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      const error = new StemkitError('unsupported', `optimiser: a thread failed: ${reason}`, { cause })
      ready.fail(error)
      done.fail(error)
    }
    const message = (text: string): void => (text === 'ready' ? ready : done).give()
    workers.push(spawn(workerScript(), data, { message, failed }, 'stemkit-optimizer'))
    return ready.wait()
  }
  const dismiss = async (): Promise<void> => void (await Promise.all(workers.map((worker) => worker.terminate())))
  try {
    await Promise.all(Array.from({ length: count }, start))
  } catch (error) {
    await dismiss()
    throw error
  }
  for (const worker of workers) worker.keepAlive?.(false)
  return { work: () => workTogether(data.board, workers[0]!, done), dismiss }
}

async function workTogether(board: Board, anyWorker: PoolWorker, done: Signal): Promise<void> {
  anyWorker.keepAlive?.(true)
  try {
    const finished = done.wait()
    Atomics.notify(board.end, 0)
    await finished
  } finally {
    anyWorker.keepAlive?.(false)
  }
}

/** Something that happens again and again and is awaited by one at a time; once failed, it stays failed. */
interface Signal {
  give(): void
  fail(error: unknown): void
  wait(): Promise<void>
}

function createSignal(): Signal {
  let waiting: PromiseWithResolvers<void> | undefined
  let failure: { readonly error: unknown } | undefined
  return {
    give: () => waiting?.resolve(),
    fail(error) {
      failure ??= { error }
      waiting?.reject(error)
    },
    wait() {
      waiting = Promise.withResolvers()
      if (failure) waiting.reject(failure.error)
      return waiting.promise
    },
  }
}
