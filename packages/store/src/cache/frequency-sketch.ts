/** About how often each key was seen lately, kept or not, in a few bytes per slot: a count-min sketch that ages. */
export interface FrequencySketch {
  add(key: number): void
  /** 0 to 15. Too high now and then; too low only by the halving. */
  estimate(key: number): number
}

/** Counters of 4 bits, eight to a word; each key has one in each of four rows. */
const ROWS = 4
const MOST = 15
/** All counters are halved after so many additions per slot. */
const ADDITIONS_PER_SLOT = 20

const wordsPerRow = (slots: number): number => Math.max(4, Math.ceil(slots / 4))

export const frequencySketchBytes = (slots: number): number => 4 * ROWS * wordsPerRow(slots)

export function createFrequencySketch(slots: number): FrequencySketch {
  const words = wordsPerRow(slots)
  const table = new Uint32Array(ROWS * words)
  const at = new Uint32Array(ROWS) // the key's counters, found by the last `locate`
  const sample = ADDITIONS_PER_SLOT * slots
  let additions = 0

  const locate = (key: number): void => {
    let hash = Math.imul(key ^ (key >>> 16), 0x7feb352d)
    hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
    hash ^= hash >>> 16
    const step = Math.imul(hash, 0x9e3779b1) | 1
    for (let row = 0; row < ROWS; row++) {
      at[row] = 8 * row * words + Math.floor((hash >>> 0) * ((8 * words) / 2 ** 32))
      hash = (hash + step) | 0
    }
  }
  const count = (counter: number): number => (table[counter >>> 3]! >>> ((counter & 7) << 2)) & MOST
  const least = (): number => Math.min(count(at[0]!), count(at[1]!), count(at[2]!), count(at[3]!))

  const halve = (): void => {
    additions = 0
    for (let i = 0; i < table.length; i++) table[i] = (table[i]! >>> 1) & 0x77777777
  }

  return {
    add(key) {
      locate(key)
      const before = least()
      if (before < MOST) {
        // Counters that are higher already count other keys too: leaving them makes the estimates better.
        for (let row = 0; row < ROWS; row++) {
          const counter = at[row]!
          if (count(counter) === before) table[counter >>> 3]! += 1 << ((counter & 7) << 2)
        }
      }
      if (++additions >= sample) halve()
    },
    estimate(key) {
      locate(key)
      return least()
    },
  }
}
