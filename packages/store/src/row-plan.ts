import { StemkitError } from '@stemkit/spec/errors'

/** Which rows a batch needs, and where each position finds its own. */
export interface RowPlan {
  /** The distinct ids, ascending [U]. */
  readonly unique: Uint32Array
  /** Index into `unique` of every position [N]: `unique[inverse[i]] === ids[i]`. */
  readonly inverse: Int32Array
}

export interface RowPlanOptions {
  /** Number of rows: every id has to be below it. Default: any 32-bit id. */
  readonly rows?: number
  /** At least `rows` zeros to work in, left zeroed: saves the allocation when plans are made again and again. */
  readonly scratch?: Int32Array
}

/**
 * Plans the rows that `ids` need. What turned a text into ids (token ids, hashed n-grams) makes no difference.
 * Takes O(N + rows) where a slot per row is affordable (or `scratch` is given), else O(N log N) and no memory per row.
 * @throws bad-input naming the id and its position, if an id is negative or not below `rows`
 */
export function createRowPlan(ids: Int32Array | Uint32Array, options: RowPlanOptions = {}): RowPlan {
  const { rows = 2 ** 32, scratch } = options
  checkIds(ids, rows)
  if (scratch !== undefined) {
    if (scratch.length < rows) {
      throw new StemkitError('bad-input', `row plan: scratch has ${scratch.length} entries for ${rows} rows`)
    }
    return planBySlots(ids, rows, scratch)
  }
  return rows <= 16 * ids.length ? planBySlots(ids, rows, new Int32Array(rows)) : planBySorting(ids)
}

/**
 * A plan of all `rows` rows in order, so that the block is the whole table: for the treatments that move every row.
 * @throws bad-input naming the id and its position, if an id is negative or not below `rows`
 */
export function identityPlan(ids: Int32Array | Uint32Array, { rows }: { readonly rows: number }): RowPlan {
  checkIds(ids, rows)
  return { unique: Uint32Array.from({ length: rows }, (_, id) => id), inverse: Int32Array.from(ids) }
}

function checkIds(ids: Int32Array | Uint32Array, rows: number): void {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!
    if (id < 0 || id >= rows) {
      throw new StemkitError('bad-input', `row plan: id ${id} at position ${i} is not one of ${rows} rows`)
    }
  }
}

/** One slot per row: marked where used, then numbered in order, then read back. */
function planBySlots(ids: Int32Array | Uint32Array, rows: number, slots: Int32Array): RowPlan {
  let count = 0
  for (const id of ids) {
    if (slots[id] === 0) {
      slots[id] = 1
      count++
    }
  }
  const unique = new Uint32Array(count)
  for (let id = 0, next = 0; next < count && id < rows; id++) {
    if (slots[id] === 0) continue
    unique[next] = id
    slots[id] = next++
  }
  const inverse = new Int32Array(ids.length)
  for (let i = 0; i < ids.length; i++) inverse[i] = slots[ids[i]!]!
  for (const id of unique) slots[id] = 0
  return { unique, inverse }
}

function planBySorting(ids: Int32Array | Uint32Array): RowPlan {
  const sorted = new Uint32Array(ids).toSorted()
  let count = 0
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i]!
  }
  const unique = sorted.slice(0, count)
  const inverse = new Int32Array(ids.length)
  for (let i = 0; i < ids.length; i++) inverse[i] = lowerBound(unique, ids[i]!)
  return { unique, inverse }
}

/** Index of the first entry that is not below `id`. */
function lowerBound(sorted: Uint32Array, id: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}
