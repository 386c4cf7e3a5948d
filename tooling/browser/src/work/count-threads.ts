import type { SpawnWorker } from '@stemkit/threads'

/** Starts threads and counts them. */
export function countThreads(spawn: SpawnWorker): { readonly spawn: SpawnWorker; started(): number } {
  let started = 0
  return {
    spawn(...asked) {
      started++
      return spawn(...asked)
    },
    started: () => started,
  }
}
