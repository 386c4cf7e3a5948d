import { StemkitError } from '@stemkit/spec/errors'

export interface Selection {
  /** At most so many documents of a task; below 1, that share of them, rounded up. */
  readonly limit?: number
  /** Positions of the documents to evaluate. */
  readonly samples?: readonly number[]
}

export interface SelectedDocument {
  /** Position in the split. */
  readonly index: number
  /** How the log numbers it. */
  readonly docId: number
}

/**
 * Which documents of a split are evaluated. Chosen ones come in the order of the split and are numbered in the order in which they were
 * named, as in lm-evaluation-harness: name them in ascending order.
 */
export function selectDocuments(task: string, size: number, { limit, samples }: Selection): SelectedDocument[] {
  if (samples && samples.length > 0) {
    const outside = samples.find((index) => !Number.isInteger(index) || index < 0 || index >= size)
    if (outside !== undefined) {
      throw new StemkitError(
        'bad-input',
        `${task}: there is no document ${outside}; they are numbered 0 to ${size - 1}`,
      )
    }
    const chosen = new Set(samples)
    return [...chosen].toSorted((a, b) => a - b).map((index, i) => ({ index, docId: samples[i] as number }))
  }
  const count = limit === undefined ? size : Math.min(size, limit < 1 ? Math.ceil(size * limit) : Math.trunc(limit))
  return Array.from({ length: count }, (_, index) => ({ index, docId: index }))
}
