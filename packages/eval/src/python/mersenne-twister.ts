const SIZE = 624
const PERIOD = 397
const MATRIX = 0x9908b0df

/** Draws 32 bits, as a signed integer: those are what JavaScript computes with fastest. */
export type Words = () => number

/** MT19937 (Matsumoto and Nishimura 1998), seeded by an array of unsigned 32-bit integers, of which there is at least one. */
export function mersenneTwister(key: readonly number[]): Words {
  const state = seededByArray(key)
  let index = SIZE
  return () => {
    if (index === SIZE) {
      twist(state)
      index = 0
    }
    let y = state[index++]!
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return y ^ (y >>> 18)
  }
}

function seededByNumber(seed: number): Int32Array {
  const state = new Int32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1]! ^ (state[i - 1]! >>> 30)
    state[i] = Math.imul(1812433253, previous) + i
  }
  return state
}

function seededByArray(key: readonly number[]): Int32Array {
  const state = seededByNumber(19650218)
  let i = 1
  let j = 0
  const blended = (factor: number) => state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), factor)
  const next = () => {
    if (++i < SIZE) return
    state[0] = state[SIZE - 1]!
    i = 1
  }
  for (let k = Math.max(SIZE, key.length); k > 0; k--) {
    state[i] = blended(1664525) + key[j]! + j
    next()
    j = (j + 1) % key.length
  }
  for (let k = SIZE - 1; k > 0; k--) {
    state[i] = blended(1566083941) - i
    next()
  }
  state[0] = 0x80000000
  return state
}

function twist(state: Int32Array): void {
  let i = 0
  for (; i < SIZE - PERIOD; i++) state[i] = state[i + PERIOD]! ^ mixed(state[i]!, state[i + 1]!)
  for (; i < SIZE - 1; i++) state[i] = state[i + PERIOD - SIZE]! ^ mixed(state[i]!, state[i + 1]!)
  state[i] = state[PERIOD - 1]! ^ mixed(state[i]!, state[0]!)
}

/** The highest bit of one word with the others of the next. */
function mixed(word: number, next: number): number {
  const y = (word & 0x80000000) | (next & 0x7fffffff)
  return (y >>> 1) ^ (y & 1 ? MATRIX : 0)
}
