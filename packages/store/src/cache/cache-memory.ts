import { StemkitError } from '@stemkit/spec/errors'
import type { CachePolicyKind } from './policy.ts'
import { rowIndexBytes } from './row-index.ts'
import { slotListsBytes } from './slot-lists.ts'

/** What the memory of a cache has to suffice for. */
export interface CacheGeometry {
  readonly budget: number
  readonly rowBytes: number
  readonly stride: number
  readonly policy: CachePolicyKind
  /** Bytes of the caller's own memory for the slots, if there is such. */
  readonly memoryBytes?: number
}

/** How a budget is divided. */
export interface CachePlan {
  readonly slots: number
  /** Buffers that rows pass through on their way from or to the source: so many reads and writes at once. */
  readonly buffers: number
  readonly bufferRows: number
  /** Rows that are put in order for one round of writing. */
  readonly roundRows: number
  /** All of it. */
  readonly bytes: number
}

/** Lists of slots beside the policy's: free, prefetched, and those to be written before they are free. */
export const CACHE_LISTS = 3

/** Enough to be one request to a medium. */
const BUFFER_BYTES = 2 ** 20
const BUFFERS = 4
/** The buffers' share of the budget, as far as they hold a row at all. */
const BUFFERS_SHARE = 1 / 8
const ROUND_ROWS = 2 ** 16

/** Key, state, count of leases announced. */
const SLOT_BYTES = 4 + 4 + 1

/** @throws bad-input if the budget does not suffice for one row */
export function planCache(geometry: CacheGeometry): CachePlan {
  const plan = divide(geometry)
  if (plan.slots < 1) {
    const { budget, rowBytes, stride, memoryBytes } = geometry
    const short = memoryBytes !== undefined && memoryBytes < stride
    throw new StemkitError(
      'bad-input',
      `row cache: ${short ? `memory of ${memoryBytes}` : `a budget of ${budget}`} bytes holds no row of ${rowBytes} bytes, it takes ${
        short ? stride : smallestBudget(geometry, 1)
      }`,
    )
  }
  return plan
}

function divide(geometry: CacheGeometry): CachePlan {
  const { budget, rowBytes, stride, memoryBytes = Infinity } = geometry
  const staged = rowBytes + 8 // with its key and slot
  const share = BUFFERS_SHARE * budget
  const bufferRows = clamp(share / BUFFERS / staged, 1, Math.max(1, BUFFER_BYTES / rowBytes))
  const buffers = clamp(share / (bufferRows * staged), 1, BUFFERS)
  const roundRows = (slots: number): number => Math.min(slots, Math.max(ROUND_ROWS, Math.ceil(slots / 8)))
  const bytes = (slots: number): number =>
    buffers * bufferRows * staged +
    slots * (stride + SLOT_BYTES) +
    rowIndexBytes(slots) +
    slotListsBytes(slots, geometry.policy.lists + CACHE_LISTS) +
    geometry.policy.bytes(slots) +
    4 * roundRows(slots)

  let slots = 0
  for (let step = 2 ** Math.ceil(Math.log2(budget / stride + 1)); step >= 1; step /= 2) {
    const more = slots + step
    if (more * stride <= memoryBytes && bytes(more) <= budget) slots = more
  }
  return { slots, buffers, bufferRows, roundRows: roundRows(slots), bytes: bytes(slots) }
}

/** The smallest budget with which so many rows fit at once (given the memory for them). */
export function smallestBudget({ rowBytes, stride, policy }: CacheGeometry, rows: number): number {
  const fits = (budget: number): boolean => divide({ budget, rowBytes, stride, policy }).slots >= rows
  let least = rows * stride
  let enough = 2 * least + 1
  while (!fits(enough)) enough *= 2
  while (enough - least > 1) {
    const middle = Math.floor((least + enough) / 2)
    if (fits(middle)) enough = middle
    else least = middle
  }
  return enough
}

const clamp = (value: number, least: number, most: number): number => Math.floor(Math.min(most, Math.max(least, value)))
