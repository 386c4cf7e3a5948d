import { StemkitError } from '@stemkit/spec/errors'
import type { RowSource } from '../tasks/rows.ts'

/** Rows of the first source that knows the data set; of one that does, the splits that it lacks are lacking. */
export function firstRows(sources: readonly RowSource[]): RowSource {
  return async (split, options) => {
    const reasons: string[] = []
    for (const source of sources) {
      try {
        return await source(split, options)
      } catch (error) {
        if (!StemkitError.isInstance(error) || error.code !== 'not-found') throw error
        reasons.push(error.message)
      }
    }
    throw new StemkitError('not-found', reasons.join('; '))
  }
}
