export { checkpointFolder, type CheckpointFolderOptions } from './node/checkpoint-folder.ts'
export { latestCheckpoint, loadCheckpoint } from './node/load-checkpoint.ts'
export { openMetrics, readMetrics, type MetricsFile } from './node/metrics-file.ts'
export { spawnWorker } from '@stemkit/threads/node'
