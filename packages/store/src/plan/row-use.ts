import { StemkitError } from '@stemkit/spec/errors'

/** How a text that is cut into sequences uses the rows of a table. */
export interface RowUse {
  /** Rows of the table. */
  readonly rows: number
  /** T: ids in a sequence. */
  readonly length: number
  readonly sequences: number
  /** How often each row is used [rows]. */
  readonly counts: Uint32Array
  /** In how many sequences each row is used [rows]. */
  readonly sequencesWith: Uint32Array
}

/**
 * Counts the ids of a stream, cut into sequences of `length`; a rest that fills none is left out.
 * @throws bad-input naming the id and its position if one is not below `rows`, and for a stream shorter than a sequence
 */
export function measureRowUse(
  ids: Int32Array | Uint32Array,
  { rows, length }: { readonly rows: number; readonly length: number },
): RowUse {
  const sequences = Math.floor(ids.length / length)
  if (sequences === 0) {
    throw new StemkitError(
      'bad-input',
      `row use: ${ids.length} ids do not fill a sequence of ${length}; give more text`,
    )
  }
  const counts = new Uint32Array(rows)
  const sequencesWith = new Uint32Array(rows)
  /** The last sequence that each row was seen in, from 1. */
  const seenIn = new Uint32Array(rows)
  for (let i = 0; i < sequences * length; i++) {
    const id = ids[i]!
    if (id < 0 || id >= rows) {
      throw new StemkitError('bad-input', `row use: id ${id} at position ${i} is not one of ${rows} rows`)
    }
    const sequence = Math.floor(i / length) + 1
    counts[id]!++
    if (seenIn[id] !== sequence) {
      seenIn[id] = sequence
      sequencesWith[id]!++
    }
  }
  return { rows, length, sequences, counts, sequencesWith }
}
