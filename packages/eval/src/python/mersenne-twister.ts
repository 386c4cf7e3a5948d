const SIZE = 624
const PERIOD = 397
const MATRIX = 0x9908b0df

/** Draws unsigned 32-bit integers. */
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
    return (y ^ (y >>> 18)) >>> 0
  }
}

function seededByNumber(seed: number): Uint32Array {
  const state = new Uint32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) {
    const previous = state[i - 1]! ^ (state[i - 1]! >>> 30)
    state[i] = Math.imul(1812433253, previous) + i
  }
  return state
}

function seededByArray(key: readonly number[]): Uint32Array {
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

function twist(state: Uint32Array): void {
  for (let i = 0; i < SIZE - PERIOD; i++) state[i] = mixed(state, i, i + 1, i + PERIOD)
  for (let i = SIZE - PERIOD; i < SIZE - 1; i++) state[i] = mixed(state, i, i + 1, i + PERIOD - SIZE)
  state[SIZE - 1] = mixed(state, SIZE - 1, 0, PERIOD - 1)
}

const mixed = (state: Uint32Array, high: number, low: number, far: number): number => {
  const y = (state[high]! & 0x80000000) | (state[low]! & 0x7fffffff)
  return state[far]! ^ (y >>> 1) ^ (-(y & 1) & MATRIX)
}
