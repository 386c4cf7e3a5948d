import { StemkitError } from '@stemkit/spec/errors'
import type { Task } from '../tasks/task.ts'

/** Says of an error which document it is about. */
export function naming<T>(task: Task, docId: number, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw named(task, docId, error)
  }
}

/** The same for what takes its time. */
export async function namingLater<T>(task: Task, docId: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw named(task, docId, error)
  }
}

function named(task: Task, docId: number, error: unknown): unknown {
  if (!StemkitError.isInstance(error)) return error
  return new StemkitError(error.code, `${task.name}, document ${docId}: ${error.message}`, { cause: error })
}
