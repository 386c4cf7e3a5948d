import { takeChunks, type Board, type Kernel } from './board.ts'

/** What a worker needs to begin; passes through `postMessage`. */
export interface WorkerData {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly kernels: readonly string[]
  readonly board: Board
}

/** A thread that `SpawnWorker` started. */
export interface PoolWorker {
  /** Whether a process has to stay alive for this worker: only while a job is under way. Absent in browsers. */
  keepAlive?(alive: boolean): void
  terminate(): void | Promise<unknown>
}

/**
 * Starts a thread that evaluates `script`, the text of a function `(data, post) => void` that never returns, with
 * `data` and a way to post messages back. `failed` is called if the thread throws, cannot start or ends by itself.
 */
export type SpawnWorker = (
  script: string,
  data: WorkerData,
  on: { readonly message: (message: 'ready' | 'done') => void; readonly failed: (cause: unknown) => void },
) => PoolWorker

/** The life of a worker. As text: no file has to be found, and a bundler has nothing to follow. */
export const workerScript = (): string => `(data, post) => (${serve})(data, post, ${takeChunks})`

function serve(
  { module, memory, kernels: names, board }: WorkerData,
  post: (message: 'ready' | 'done') => void,
  take: typeof takeChunks,
): never {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const kernels = names.map((name) => exports[name] as Kernel)
  let seen = Atomics.load(board.end, 0)
  post('ready')
  for (;;) {
    Atomics.wait(board.end, 0, seen)
    seen = Atomics.load(board.end, 0)
    if (take(board, kernels)) post('done')
  }
}

/** A Web Worker from a blob. Where a page's policy forbids those, pass a `SpawnWorker` of your own. */
export const spawnWebWorker: SpawnWorker = (script, data, { message, failed }) => {
  const source = `onmessage = (event) => (${script})(event.data, (message) => postMessage(message))`
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(url)
  worker.addEventListener('message', ({ data: received }) => message(received as 'ready' | 'done'))
  worker.addEventListener('error', (event) => failed(event.error ?? new Error(event.message)))
  worker.postMessage(data)
  return {
    terminate() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
