import { startCrew, type SpawnWorker } from '@stemkit/threads'

/** Whoever computes a step. */
export interface StepCrew {
  /** Resolves once the step that the memory describes is done. Calls must not overlap. */
  work(): Promise<void>
  dismiss(): Promise<void>
}

interface StepExports {
  readonly step: (program: number, thread: number) => void
}

interface WorkerData {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly program: number
  readonly thread: number
  readonly threads: number
  /** [1] each: steps that were asked for, and how many threads have finished theirs. */
  readonly asked: Int32Array
  readonly finished: Int32Array
}

type CrewOptions = Pick<WorkerData, 'module' | 'memory' | 'program'>

/** The calling thread alone. */
export async function ownThread({ module, memory, program }: CrewOptions): Promise<StepCrew> {
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  const { step } = instance.exports as unknown as StepExports
  return { work: async () => step(program, 0), dismiss: async () => {} }
}

/** `threads` of them, waiting for steps. */
export async function startThreads(threads: number, spawn: SpawnWorker, options: CrewOptions): Promise<StepCrew> {
  const counter = (): Int32Array => new Int32Array(new SharedArrayBuffer(4))
  const [asked, finished] = [counter(), counter()]
  const { work, dismiss } = await startCrew(threads, {
    spawn,
    script: `(data, post) => (${serve})(data, post)`,
    dataOf: (thread): WorkerData => ({ ...options, thread, threads, asked, finished }),
    what: 'decoder',
    name: 'stemkit-step',
  })
  const begin = (): void => {
    Atomics.store(finished, 0, 0)
    Atomics.add(asked, 0, 1)
    Atomics.notify(asked, 0)
  }
  return { work: () => work(begin), dismiss }
}

/** The life of a thread. Its text is sent, so it refers to nothing outside itself. */
function serve(
  { module, memory, program, thread, threads, asked, finished }: WorkerData,
  post: (message: 'ready' | 'done') => void,
): never {
  const instance = new WebAssembly.Instance(module, { env: { memory } })
  const { step } = instance.exports as unknown as StepExports
  let seen = Atomics.load(asked, 0)
  post('ready')
  for (;;) {
    Atomics.wait(asked, 0, seen)
    const now = Atomics.load(asked, 0)
    if (now === seen) continue
    seen = now
    step(program, thread)
    if (Atomics.add(finished, 0, 1) + 1 === threads) post('done')
  }
}
