import { startCrew, type SpawnWorker } from '@stemkit/threads'
import { takeChunks, type Kernel } from './board.ts'
import { workerScript, type WorkerData } from './worker.ts'

/** Whoever does the work: `work` resolves once the job on the board is done. */
export interface JobCrew {
  work(): Promise<void>
  dismiss(): Promise<void>
}

/** The calling thread alone. */
export async function ownThread({ module, memory, kernels, board }: WorkerData): Promise<JobCrew> {
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
export async function startThreads(count: number, spawn: SpawnWorker, data: WorkerData): Promise<JobCrew> {
  const { work, dismiss } = await startCrew(count, {
    spawn,
    script: workerScript(),
    dataOf: () => data,
    what: 'optimiser',
    name: 'stemkit-optimizer',
  })
  return { work: () => work(() => Atomics.notify(data.board.end, 0)), dismiss }
}
