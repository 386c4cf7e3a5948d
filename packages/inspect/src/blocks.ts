import { StemkitError } from '@stemkit/spec/errors'
import type { Tables } from './tables.ts'

/** What everything that reads tables may be told. */
export interface ReadTablesOptions {
  /** The rows to look at. Default: all. */
  readonly ids?: Uint32Array | undefined
  /** Bytes of memory for rows. Default 64 MiB. */
  readonly budget?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Of all the work, how much is done: 0 to 1. */
  readonly onProgress?: ((done: number) => void) | undefined
}

export const BUDGET = 64 * 2 ** 20

/** The ids asked for, ascending and distinct. @throws bad-input for an id that is no row, or fewer than `least` of them */
export function rowsAsked(tables: Tables, ids: Uint32Array | undefined, least = 1): Uint32Array {
  const asked = ids ? Uint32Array.from(new Set(ids)).toSorted() : Uint32Array.from({ length: tables.rows }, (_, i) => i)
  const last = asked.at(-1)
  if (last !== undefined && last >= tables.rows) {
    throw new StemkitError('bad-input', `inspect: row ${last} is not one of 0..${tables.rows - 1}`)
  }
  if (asked.length < least) {
    throw new StemkitError('bad-input', `inspect: ${asked.length} rows are asked for; ${least} or more are needed`)
  }
  return asked
}

/** How many rows of all tables fit into `budget` bytes, at least one. */
export const rowsWithin = ({ layers, width }: Tables, budget: number): number =>
  Math.max(1, Math.floor(budget / (4 * layers.length * width)))

/** Rows of every table, as read. */
export interface Block {
  readonly ids: Uint32Array
  /** The rows of table `t` [n, w]. */
  table(t: number): Float32Array
}

/** Reads the rows `ids` into new memory. */
export async function readBlock(tables: Tables, ids: Uint32Array, signal?: AbortSignal): Promise<Block> {
  signal?.throwIfAborted()
  const size = ids.length * tables.width
  const all = new Float32Array(tables.layers.length * size)
  await tables.gather(ids, all, signal ? { signal } : {})
  return { ids, table: (t) => all.subarray(t * size, (t + 1) * size) }
}

/** Consecutive parts of `ids`, each of at most `size`. */
export function partsOf(ids: Uint32Array, size: number): Uint32Array[] {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, i) => ids.subarray(i * size, (i + 1) * size))
}

/**
 * Scales each row of `block` [n, w] to length 1, in place; a row of zeros stays.
 * @returns by row, whether it has a direction
 */
export function normalizeRows(block: Float32Array, width: number): boolean[] {
  return Array.from({ length: block.length / width }, (_, i) => {
    const row = block.subarray(i * width, (i + 1) * width)
    let square = 0
    for (const value of row) square += value * value
    if (!Number.isFinite(square)) {
      throw new StemkitError('diverged', 'inspect: a table has numbers that are not finite; check the weights')
    }
    if (square === 0) return false
    const scale = 1 / Math.sqrt(square)
    for (let k = 0; k < width; k++) row[k]! *= scale
    return true
  })
}
