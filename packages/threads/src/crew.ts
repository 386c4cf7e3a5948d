import { StemkitError } from '@stemkit/spec/errors'
import type { PoolWorker, SpawnWorker } from './worker.ts'

/** Threads that run and wait for work. A process can exit meanwhile. */
export interface Crew {
  /** Calls `begin`, which wakes the threads, and resolves once one of them posts 'done'. Calls must not overlap. */
  work(begin: () => void): Promise<void>
  dismiss(): Promise<void>
}

export interface CrewOptions<Data> {
  readonly spawn: SpawnWorker
  /** The text of what each thread runs, see `SpawnWorker`: it posts 'ready', and 'done' where it finished the work. */
  readonly script: string
  readonly dataOf: (thread: number) => Data
  /** What errors call it, as in 'optimiser'. */
  readonly what: string
  /** What debuggers show. */
  readonly name: string
}

/** @throws unsupported if a thread cannot start; once one failed, all later work rejects with that */
export async function startCrew<Data>(threads: number, options: CrewOptions<Data>): Promise<Crew> {
  const { spawn, script, dataOf, what, name } = options
  const workers: PoolWorker[] = []
  let waiting: PromiseWithResolvers<void> | undefined
  let failure: StemkitError | undefined

  const start = (thread: number): Promise<void> => {
    const ready = Promise.withResolvers<void>()
    const failed = (cause: unknown): void => {
      const reason = cause instanceof Error ? cause.message : String(cause)
      failure ??= new StemkitError('unsupported', `${what}: a thread failed: ${reason}`, { cause })
      ready.reject(failure)
      waiting?.reject(failure)
    }
    const message = (text: string): void => (text === 'ready' ? ready : waiting)?.resolve()
    workers.push(spawn(script, dataOf(thread), { message, failed }, name))
    return ready.promise
  }
  const dismiss = async (): Promise<void> => void (await Promise.all(workers.map((worker) => worker.terminate())))

  try {
    await Promise.all(Array.from({ length: threads }, (_, thread) => start(thread)))
  } catch (error) {
    await dismiss()
    throw error
  }
  for (const worker of workers) worker.keepAlive?.(false)
  return {
    async work(begin) {
      if (failure) throw failure
      waiting = Promise.withResolvers()
      workers[0]!.keepAlive?.(true)
      try {
        begin()
        await waiting.promise
      } finally {
        waiting = undefined
        workers[0]!.keepAlive?.(false)
      }
    },
    dismiss,
  }
}
