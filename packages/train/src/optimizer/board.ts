/** A kernel of the module: items [begin, end), then its own arguments. Only sums return something. */
export type Kernel = (begin: number, end: number, ...args: number[]) => number | undefined

/**
 * Where the calling thread puts a job and the others find it. Chunks of work are numbered through all jobs (32 bits,
 * wrapping), so that a thread that wakes late can mistake nothing: a chunk below `end` that was not taken yet is always
 * one of the job on the board, and that job stays until all its chunks are done.
 */
export interface Board {
  /** [1] each: the chunk after the last one of the job, the next one to take, how many are done, the job's first. */
  readonly end: Int32Array
  readonly next: Int32Array
  readonly done: Int32Array
  readonly first: Int32Array
  /** By task: index of the kernel, items, items of a chunk. */
  readonly kernel: Int32Array
  readonly items: Int32Array
  readonly chunk: Int32Array
  /** By task, `MOST_ARGUMENTS` each. */
  readonly args: Float64Array
  /** What the kernel returned, by chunk of the job: added up in this order whichever thread computed it. */
  readonly sums: Float64Array
}

/** Tasks of one job. */
export const MOST_TASKS = 256
/** Chunks of one job: twice what 4 GB of float32 are cut into, as chunks of rows may be half full. */
export const MOST_CHUNKS = 131072
export const MOST_ARGUMENTS = 24

const CACHE_LINE = 64

export function createBoard(shared: boolean): Board {
  const counters = 4 * CACHE_LINE
  const integers = counters + 3 * 4 * MOST_TASKS
  const bytes = integers + 8 * MOST_TASKS * MOST_ARGUMENTS + 8 * MOST_CHUNKS
  const buffer = shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  const counter = (i: number) => new Int32Array(buffer, i * CACHE_LINE, 1)
  const perTask = (i: number) => new Int32Array(buffer, counters + i * 4 * MOST_TASKS, MOST_TASKS)
  return {
    end: counter(0),
    next: counter(1),
    done: counter(2),
    first: counter(3),
    kernel: perTask(0),
    items: perTask(1),
    chunk: perTask(2),
    args: new Float64Array(buffer, integers, MOST_TASKS * MOST_ARGUMENTS),
    sums: new Float64Array(buffer, integers + 8 * MOST_TASKS * MOST_ARGUMENTS, MOST_CHUNKS),
  }
}

/**
 * Takes and does chunks until none is left; true if the job's last chunk was finished here.
 * Its text is sent to workers, so it refers to nothing outside itself.
 */
export function takeChunks(board: Board, kernels: readonly Kernel[]): boolean {
  const { end, next, done, first, kernel, items, chunk, args, sums } = board
  const width = args.length / kernel.length
  let finished = false
  for (;;) {
    const taken = Atomics.load(next, 0)
    if (((Atomics.load(end, 0) - taken) | 0) <= 0) return finished
    if (Atomics.compareExchange(next, 0, taken, (taken + 1) | 0) !== taken) continue
    const index = (taken - first[0]!) | 0
    let task = 0
    let i = index
    for (;;) {
      const chunks = Math.ceil(items[task]! / chunk[task]!)
      if (i < chunks) break
      i -= chunks
      task++
    }
    const begin = i * chunk[task]!
    const stop = Math.min(begin + chunk[task]!, items[task]!)
    const own = args.subarray(task * width, (task + 1) * width)
    sums[index] = kernels[kernel[task]!]!(begin, stop, ...own) ?? 0
    finished = ((Atomics.add(done, 0, 1) + 1) | 0) === Atomics.load(end, 0)
  }
}
