import { StemkitError } from '@stemkit/spec/errors'
import type { RowSource } from '../tasks/rows.ts'

/**
 * Rows of the first source that has the split.
 * @throws not-found where none knows the data set, with the reasons of all
 */
export function firstRows(sources: readonly RowSource[]): RowSource {
  return async (split, options) => {
    const reasons: string[] = []
    for (const source of sources) {
      try {
        const rows = await source(split, options)
        if (rows) return rows
      } catch (error) {
        if (!StemkitError.isInstance(error) || error.code !== 'not-found') throw error
        reasons.push(error.message)
      }
    }
    if (reasons.length < sources.length) return undefined
    throw new StemkitError('not-found', reasons.join('; '))
  }
}
