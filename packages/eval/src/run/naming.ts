import { StemkitError } from '@stemkit/spec/errors'
import type { Task } from '../tasks/task.ts'

/** Says of an error which document it is about. */
export function naming<T>(task: Task, docId: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!StemkitError.isInstance(error)) throw error
    throw new StemkitError(error.code, `${task.name}, document ${docId}: ${error.message}`, { cause: error })
  }
}
