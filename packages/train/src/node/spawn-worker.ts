import { Worker } from 'node:worker_threads'
import type { SpawnWorker } from '../optimizer/worker.ts'

/** Threads of Node for `createOptimizerPool`. They do not keep the process alive unless they are at work. */
export const spawnWorker: SpawnWorker = (script, data, { message, failed }) => {
  const source = `const { parentPort, workerData } = require('node:worker_threads')
    ;(${script})(workerData, (message) => parentPort.postMessage(message))`
  // Options of the process (loaders, input types) are not meant for this script.
  const worker = new Worker(source, { eval: true, workerData: data, execArgv: [], name: 'stemkit-optimizer' })
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
