/** About how often each key was seen lately, kept or not, in a few bytes per slot: a count-min sketch that ages. */
export interface FrequencySketch {
  add(key: number, times: number): void
  /** 0 to 15. Too high now and then; too low only by the halving. */
  estimate(key: number): number
}

/**
 * Counters of 4 bits, eight to a word, sixteen words to a block. Each key has four counters in one block, which is one
 * line of the processor's cache: one in each quarter of it.
 */
const BLOCK_WORDS = 16
const MOST = 15
/** All counters are halved after so many additions per slot. */
const ADDITIONS_PER_SLOT = 20

const blocksFor = (slots: number): number => Math.ceil(slots / BLOCK_WORDS)

export const frequencySketchBytes = (slots: number): number => 4 * BLOCK_WORDS * blocksFor(slots)

export function createFrequencySketch(slots: number): FrequencySketch {
  const blocks = blocksFor(slots)
  const table = new Uint32Array(BLOCK_WORDS * blocks)
  const scale = blocks / 2 ** 32
  const sample = ADDITIONS_PER_SLOT * slots
  let additions = 0

  const hashOf = (key: number): number => {
    let hash = Math.imul(key ^ (key >>> 16), 0x7feb352d)
    hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
    return (hash ^ (hash >>> 16)) >>> 0
  }
  const blockOf = (hash: number): number => BLOCK_WORDS * ((hash * scale) >>> 0)
  /** Bits that say which counter is the key's in each quarter: a byte each, of which five bits are used. */
  const choiceOf = (hash: number): number => {
    const mixed = Math.imul(hash, 0x9e3779b1)
    return mixed ^ (mixed >>> 15)
  }
  const wordOf = (block: number, quarter: number, choice: number): number =>
    block + 4 * quarter + ((choice >>> (8 * quarter)) & 3)
  const shiftOf = (quarter: number, choice: number): number => (choice >>> (8 * quarter)) & 0b11100

  const countOf = (block: number, quarter: number, choice: number): number =>
    (table[wordOf(block, quarter, choice)]! >>> shiftOf(quarter, choice)) & MOST
  const leastOf = (block: number, choice: number): number => {
    let least = MOST
    for (let quarter = 0; quarter < 4; quarter++) {
      const count = countOf(block, quarter, choice)
      if (count < least) least = count
    }
    return least
  }

  const halve = (): void => {
    additions = 0
    for (let i = 0; i < table.length; i++) table[i] = (table[i]! >>> 1) & 0x77777777
  }

  return {
    add(key, times) {
      if (times === 0) return
      const hash = hashOf(key)
      const block = blockOf(hash)
      const choice = choiceOf(hash)
      // Counters that are higher already count other keys too: leaving them makes the estimates better.
      const count = Math.min(MOST, leastOf(block, choice) + times)
      for (let quarter = 0; quarter < 4; quarter++) {
        const more = count - countOf(block, quarter, choice)
        if (more > 0) table[wordOf(block, quarter, choice)]! += more << shiftOf(quarter, choice)
      }
      additions += times
      if (additions >= sample) halve()
    },
    estimate(key) {
      const hash = hashOf(key)
      return leastOf(blockOf(hash), choiceOf(hash))
    },
  }
}
