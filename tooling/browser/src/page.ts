import { spawnWebWorker, type SpawnWorker } from '@stemkit/threads'
import { answerWith } from './answer.ts'

/** Where a page's work is done. */
export interface Surroundings {
  /** Of the served files, without a slash at its end. */
  readonly files: string
  readonly spawn: SpawnWorker
}

/** Work for a page, which Node can do as well. Its result survives JSON. */
export interface Page<Result> {
  /** URL of its module, which is the entry of the page's bundle. */
  readonly module: string
  work(surroundings: Surroundings): Promise<Result>
}

/** Defines a page in a module of its own; in a browser its work begins at once. */
export function definePage<Result>(
  module: string,
  work: (surroundings: Surroundings) => Promise<Result>,
): Page<Result> {
  if (typeof document !== 'undefined') {
    const files = new URLSearchParams(location.search).get('files')!
    void answerWith(() => work({ files, spawn: spawnWebWorker }))
  }
  return { module, work }
}
