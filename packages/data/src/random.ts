const MULTIPLIER_HIGH = 0x5851f42d
const MULTIPLIER_LOW = 0x4c957f2d

/** High 32 bits of the product of two unsigned 32-bit integers. */
const multiplyHigh = (a: number, b: number): number => {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const middle2 = aLow * bHigh + (middle % 0x10000)
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(middle2 / 0x10000)
}

/** Draws unsigned 32-bit integers. */
export type Random = () => number

/**
 * PCG32 (XSH-RR 64/32, O'Neill 2014): the same numbers everywhere, for ever. Streams of one seed are independent.
 * `seed` and `stream` are safe non-negative integers.
 */
export const pcg32 = (seed: number, stream: number): Random => {
  const incrementHigh = ((Math.floor(stream / 2 ** 32) << 1) | ((stream >>> 0) >>> 31)) >>> 0
  const incrementLow = ((stream << 1) | 1) >>> 0
  let high = 0
  let low = 0
  const add = (h: number, l: number): void => {
    const sum = low + l
    low = sum >>> 0
    high = (high + h + (sum > 0xffffffff ? 1 : 0)) >>> 0
  }
  const advance = (): void => {
    high = (multiplyHigh(low, MULTIPLIER_LOW) + Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)) >>> 0
    low = Math.imul(low, MULTIPLIER_LOW) >>> 0
    add(incrementHigh, incrementLow)
  }
  advance()
  add(Math.floor(seed / 2 ** 32) >>> 0, seed >>> 0)
  advance()
  return () => {
    const [h, l] = [high, low]
    advance()
    const mixed = ((l ^ ((l >>> 18) | (h << 14))) >>> 27) | ((h ^ (h >>> 18)) << 5)
    const turn = h >>> 27
    return ((mixed >>> turn) | (mixed << (-turn & 31))) >>> 0
  }
}

/** An integer in [0, bound), each as likely as the others. */
export const below = (random: Random, bound: number): number => {
  const threshold = (2 ** 32 - bound) % bound
  let value = random()
  while (value < threshold) value = random()
  return value % bound
}

/** The numbers 0 to size - 1 in an order that depends on seed and stream only. */
export const permutation = (size: number, seed: number, stream: number): Uint32Array => {
  const random = pcg32(seed, stream)
  const order = Uint32Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = below(random, i + 1)
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}
