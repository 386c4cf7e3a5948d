import { takeChunks, type Board, type Kernel } from './board.ts'

/** What a worker needs to begin; passes through `postMessage`. */
export interface WorkerData {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly kernels: readonly string[]
  readonly board: Board
}

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
