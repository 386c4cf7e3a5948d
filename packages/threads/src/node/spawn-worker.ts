import { Worker } from 'node:worker_threads'
import type { SpawnWorker } from '../worker.ts'

/** Threads of Node. They keep the process alive until `keepAlive(false)`. */
export const spawnWorker: SpawnWorker = (script, data, { message, failed }, name = 'stemkit') => {
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    ;(${script})(workerData, (message) => parentPort.postMessage(message))`
  // Options of the process (loaders, input types) are not meant for this script.
  const worker = new Worker(source, { eval: true, workerData: data, execArgv: [], name })
  let ended = false
  worker.on('message', message)
  worker.on('error', failed)
  worker.on('exit', () => ended || failed(new Error('the thread ended')))
  return {
    keepAlive: (alive) => (alive ? worker.ref() : worker.unref()),
    terminate() {
      ended = true
      return worker.terminate()
    },
  }
}
