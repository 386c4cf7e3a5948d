/** A thread that `SpawnWorker` started. */
export interface PoolWorker {
  /** Whether a process has to stay alive for this worker: only while it is at work. Absent in browsers. */
  keepAlive?(alive: boolean): void
  terminate(): void | Promise<unknown>
}

/**
 * Starts a thread that evaluates `script`, the text of a function `(data, post) => void` that may run for ever, with
 * `data` (whatever `postMessage` can copy or share) and a way to post messages back. `failed` is called if the thread
 * throws, cannot start or ends by itself. `name` is what debuggers show.
 */
export type SpawnWorker = <Data>(
  script: string,
  data: Data,
  on: { readonly message: (message: string) => void; readonly failed: (cause: unknown) => void },
  name?: string,
) => PoolWorker

/** A Web Worker from a blob. Where a page's policy forbids those, pass a `SpawnWorker` of your own. */
export const spawnWebWorker: SpawnWorker = (script, data, { message, failed }, name = 'stemkit') => {
  const source = `onmessage = (event) => (${script})(event.data, (message) => postMessage(message))`
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))
  const worker = new Worker(url, { name })
  worker.addEventListener('message', ({ data: received }) => message(received as string))
  worker.addEventListener('error', (event) => failed(event.error ?? new Error(event.message)))
  worker.postMessage(data)
  return {
    terminate() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}
