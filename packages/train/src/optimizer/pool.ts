import { StemkitError } from '@stemkit/spec/errors'
import { fromBase64, spawnWebWorker, type SpawnWorker } from '@stemkit/threads'
import { plainModule, sharedModule } from '../../generated/optimizer-wasm.ts'
import { createBoard, MOST_ARGUMENTS, MOST_CHUNKS, MOST_TASKS } from './board.ts'
import { ownThread, startThreads } from './crew.ts'
import { encode, KERNELS, type Encoded, type Task } from './tasks.ts'

/** Above this, memory is the limit and not the cores. */
const MOST_THREADS = 8

export interface OptimizerPoolOptions {
  /** Where all arrays lie. If it is not shared, the work is done on the calling thread. */
  readonly memory: WebAssembly.Memory
  /** Threads beside the calling one; 0 works on the calling thread itself. Default: one per core, at most 8. */
  readonly threads?: number
  /** How to start a thread. Default: Web Workers; in Node pass `spawnWorker` of `@stemkit/train/node`. */
  readonly spawn?: SpawnWorker
}

export interface OptimizerPool {
  readonly memory: WebAssembly.Memory
  /** Threads beside the calling one; 0 where the calling thread does the work. */
  readonly threads: number
  /**
   * Does the tasks, in any order and at the same time, after all jobs asked for before. The results are the same bit for
   * bit whatever the number of threads. Resolves to a number per task: the sum of a `sumOfSquares`, 0 for the others.
   * Rejects with bad-input before anything is touched if a task does not fit its arrays. If a thread fails, this and all
   * later jobs reject, and what the memory holds is not known.
   */
  run(tasks: readonly Task[]): Promise<Float64Array>
  /** Ends the threads once the jobs asked for are done. */
  dispose(): Promise<void>
}

/**
 * Threads that run the optimiser's kernels over one memory. Handing a job over takes about 0.1 ms; the calling thread
 * stays free meanwhile, and a process can exit while the pool is idle.
 * @throws bad-input without a way to start threads; unsupported if one cannot start
 */
export async function createOptimizerPool(options: OptimizerPoolOptions): Promise<OptimizerPool> {
  const { memory } = options
  const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
  const threads = shared ? checkThreads(options.threads ?? defaultThreads()) : 0
  const module = await WebAssembly.compile(fromBase64(shared ? sharedModule : plainModule))
  const board = createBoard(shared)
  const data = { module, memory, kernels: KERNELS, board }
  const crew = threads === 0 ? await ownThread(data) : await startThreads(threads, options.spawn ?? webWorkers(), data)

  /** Puts a job on the board, sees it done and adds up what each of its tasks returned, chunk after chunk. */
  async function perform(job: readonly Encoded[], sums: Float64Array): Promise<void> {
    const total = job.reduce((sum, task) => sum + chunksOf(task), 0)
    if (total === 0) return
    job.forEach(({ kernel, items, chunk, args }, task) => {
      board.kernel[task] = kernel
      board.items[task] = items
      board.chunk[task] = chunk
      board.args.set(args, task * MOST_ARGUMENTS)
    })
    const first = Atomics.load(board.end, 0)
    board.first[0] = first
    Atomics.store(board.end, 0, (first + total) | 0)
    await crew.work()
    let at = 0
    job.forEach((task, i) => {
      for (const stop = at + chunksOf(task); at < stop; at++) sums[i]! += board.sums[at]!
    })
  }

  async function performAll(tasks: readonly Encoded[]): Promise<Float64Array> {
    const sums = new Float64Array(tasks.length)
    let done = 0
    for (const job of cutIntoJobs(tasks)) {
      await perform(job, sums.subarray(done))
      done += job.length
    }
    return sums
  }

  let last: Promise<unknown> = Promise.resolve()
  let disposed: Promise<void> | undefined
  return {
    memory,
    threads,
    async run(tasks) {
      if (disposed) throw new StemkitError('conflict', 'optimiser: the pool is disposed')
      const encoded = tasks.map((task) => encode(task, memory))
      const result = last.then(() => performAll(encoded))
      last = result.catch(() => {})
      return result
    },
    dispose: () => (disposed ??= last.then(() => crew.dismiss())),
  }
}

const chunksOf = ({ items, chunk }: Encoded): number => Math.ceil(items / chunk)

/** Cuts a list of tasks so that each part fits the board. */
function cutIntoJobs(tasks: readonly Encoded[]): Encoded[][] {
  const jobs: Encoded[][] = []
  let room = 0
  for (const task of tasks) {
    room -= chunksOf(task)
    if (jobs.length === 0 || room < 0 || jobs.at(-1)!.length === MOST_TASKS) {
      jobs.push([])
      room = MOST_CHUNKS - chunksOf(task)
    }
    jobs.at(-1)!.push(task)
  }
  return jobs
}

const defaultThreads = (): number => Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, MOST_THREADS)

function checkThreads(threads: number): number {
  if (Number.isInteger(threads) && threads >= 0) return threads
  throw new StemkitError('bad-input', `optimiser: ${threads} threads; expected a whole number, 0 for none of its own`)
}

function webWorkers(): SpawnWorker {
  if (typeof Worker !== 'undefined') return spawnWebWorker
  throw new StemkitError('bad-input', 'optimiser: pass `spawn: spawnWorker` from @stemkit/train/node, or `threads: 0`')
}
