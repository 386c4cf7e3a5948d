/** Which places of a driver hold nothing that anybody needs. */
export interface FreePlaces {
  readonly count: number
  has(place: number): boolean
  add(place: number): void
  /** Adds `from` to `to - 1`. */
  addRange(from: number, to: number): void
  /** @returns false if it was not free */
  remove(place: number): boolean
  /** Removes and returns `count` places, ascending, or all if there are fewer. Prefers clusters of adjacent ones. */
  take(count: number): Uint32Array
}

/** Adjacent places that make a cluster: an aligned byte of the bits. */
const CLUSTER = 8
/** Bytes of bits in a page. Pages exist only where some place is free. */
const PAGE = 512

/** Where a pass over the free places stands. */
interface Pass {
  page: number
  byte: number
  /** Of the byte before: its first place, and which of its places are still to be tried. */
  first: number
  bits: number
}

/**
 * Looks for whole clusters first, then for single places, each from where it last stopped: between two times that places
 * become free, the bits are passed twice at most, however many places are taken.
 */
export function freePlaces(): FreePlaces {
  const pages = new Map<number, Uint8Array>()
  let count = 0
  let grown = false
  let order: number[] = []
  let clusters = startOfPass()
  let singles = startOfPass()

  const locate = (place: number): [Uint8Array | undefined, number, number] => {
    const byte = place >>> 3
    return [pages.get(Math.floor(byte / PAGE)), byte % PAGE, 1 << (place & 7)]
  }

  const setBits = (byte: number, bits: number): void => {
    const number = Math.floor(byte / PAGE)
    let page = pages.get(number)
    if (page === undefined) pages.set(number, (page = new Uint8Array(PAGE)))
    const added = bits & ~page[byte % PAGE]!
    page[byte % PAGE]! |= added
    count += bitsIn(added)
    grown = true
  }

  const remove = (place: number): boolean => {
    const [page, byte, bit] = locate(place)
    if (page === undefined || (page[byte]! & bit) === 0) return false
    page[byte]! &= ~bit
    count--
    return true
  }

  const rewind = (): void => {
    for (const [number, page] of pages) if (page.every((bits) => bits === 0)) pages.delete(number)
    order = [...pages.keys()].toSorted((a, b) => a - b)
    clusters = startOfPass()
    singles = startOfPass()
    grown = false
  }

  /** Takes the next place of a pass that looks at bytes with at least `least` free places; -1 at its end. */
  const next = (pass: Pass, least: number): number => {
    for (;;) {
      while (pass.bits !== 0) {
        const place = pass.first + 31 - Math.clz32(pass.bits & -pass.bits)
        pass.bits &= pass.bits - 1
        if (remove(place)) return place
      }
      const number = order[pass.page]
      if (number === undefined) return -1
      const bits = pages.get(number)![pass.byte]!
      if (bitsIn(bits) >= least) {
        pass.bits = bits
        pass.first = (number * PAGE + pass.byte) * CLUSTER
      }
      if (++pass.byte === PAGE) {
        pass.byte = 0
        pass.page++
      }
    }
  }

  return {
    get count() {
      return count
    },
    has(place) {
      const [page, byte, bit] = locate(place)
      return page !== undefined && (page[byte]! & bit) !== 0
    },
    add(place) {
      setBits(place >>> 3, 1 << (place & 7))
    },
    addRange(from, to) {
      for (let place = from; place < to;) {
        const end = Math.min(to, (Math.floor(place / CLUSTER) + 1) * CLUSTER)
        setBits(Math.floor(place / CLUSTER), ((1 << (end - place)) - 1) << (place & 7))
        place = end
      }
    },
    remove,
    take(wanted) {
      if (grown) rewind()
      const taken = new Uint32Array(Math.min(wanted, count))
      for (let i = 0; i < taken.length; i++) {
        let place = next(clusters, CLUSTER)
        if (place < 0) place = next(singles, 1)
        taken[i] = place
      }
      return taken.toSorted()
    },
  }
}

const startOfPass = (): Pass => ({ page: 0, byte: 0, first: 0, bits: 0 })

function bitsIn(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55)
  const fours = (pairs & 0x33) + ((pairs >>> 2) & 0x33)
  return (fours + (fours >>> 4)) & 15
}
