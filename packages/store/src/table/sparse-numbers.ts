/**
 * 32-bit numbers under 32-bit indices, few of which have one. Costs 6 bytes a number and some hundred per page of 4096
 * indices that has any, so that hundreds of millions of indices without one cost nothing.
 */
export interface SparseNumbers {
  /** How many indices have a number. */
  readonly size: number
  get(index: number): number | undefined
  set(index: number, value: number): void
  delete(index: number): void
  /** In ascending order of the indices. What is visited must not be changed meanwhile. */
  forEach(visit: (index: number, value: number) => void): void
}

/** Sorted, so that one that fills in order or completely is as fast as an array. */
interface Page {
  keys: Uint16Array
  values: Uint32Array
  count: number
}

const BITS = 12
const SIZE = 1 << BITS

export function sparseNumbers(): SparseNumbers {
  const pages = new Map<number, Page>()
  let size = 0

  return {
    get size() {
      return size
    },

    get(index) {
      const page = pages.get(index >>> BITS)
      if (page === undefined) return undefined
      const key = index & (SIZE - 1)
      const at = positionOf(page, key)
      return at < page.count && page.keys[at] === key ? page.values[at] : undefined
    },

    set(index, value) {
      let page = pages.get(index >>> BITS)
      if (page === undefined) {
        page = { keys: new Uint16Array(4), values: new Uint32Array(4), count: 0 }
        pages.set(index >>> BITS, page)
      }
      const key = index & (SIZE - 1)
      const at = positionOf(page, key)
      if (at === page.count || page.keys[at] !== key) {
        makeRoom(page, at)
        page.keys[at] = key
        size++
      }
      page.values[at] = value
    },

    delete(index) {
      const page = pages.get(index >>> BITS)
      if (page === undefined) return
      const key = index & (SIZE - 1)
      const at = positionOf(page, key)
      if (at === page.count || page.keys[at] !== key) return
      page.keys.copyWithin(at, at + 1, page.count)
      page.values.copyWithin(at, at + 1, page.count)
      size--
      if (--page.count === 0) pages.delete(index >>> BITS)
    },

    forEach(visit) {
      for (const number of [...pages.keys()].toSorted((a, b) => a - b)) {
        const { keys, values, count } = pages.get(number)!
        for (let i = 0; i < count; i++) visit(number * SIZE + keys[i]!, values[i]!)
      }
    },
  }
}

/** Where `key` is in the page, or where it would have to be. */
function positionOf({ keys, count }: Page, key: number): number {
  if (count === SIZE) return key
  if (count === 0 || keys[count - 1]! < key) return count
  let low = 0
  let high = count - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

function makeRoom(page: Page, at: number): void {
  if (page.count === page.keys.length) {
    const { keys, values } = page
    page.keys = new Uint16Array(2 * keys.length)
    page.keys.set(keys)
    page.values = new Uint32Array(2 * values.length)
    page.values.set(values)
  }
  page.keys.copyWithin(at + 1, at, page.count)
  page.values.copyWithin(at + 1, at, page.count)
  page.count++
}
