export { spawnWorker } from './node/spawn-worker.ts'
