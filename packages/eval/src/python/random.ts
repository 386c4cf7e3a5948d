import { StemkitError } from '@stemkit/spec/errors'
import { mersenneTwister } from './mersenne-twister.ts'

/** A generator that draws what CPython's `random.Random` draws: call for call, the same values. */
export interface PythonRandom {
  /** A double in [0, 1) with 53 random bits. */
  random(): number
  /** An integer of `bits` random bits, of which there is at least one. */
  getrandbits(bits: number): bigint
  /** An integer in [0, stop); `stop` is a safe positive integer. */
  randrange(stop: number): number
  /** An integer in [first, last], both ends included. */
  randint(first: number, last: number): number
  choice<T>(items: readonly T[]): T
  /** `k` items, each drawn from all. */
  choices<T>(items: readonly T[], k: number): T[]
  /** `k` items at different positions, in the order in which they are drawn. */
  sample<T>(items: readonly T[], k: number): T[]
  /** `k` different integers in [0, n), as `sample(range(n), k)`. */
  sampleRange(n: number, k: number): number[]
  /** Puts the items in a random order, in place. */
  shuffle(items: unknown[]): void
}

/** `random.Random(seed)` for an integer seed of any size. As in Python, its sign does not matter. */
export function pythonRandom(seed: number | bigint): PythonRandom {
  if (typeof seed === 'number' && !Number.isInteger(seed)) {
    throw new StemkitError('bad-input', `seed of a generator: ${seed} is not an integer`)
  }
  const next = mersenneTwister(wordsOf(BigInt(seed)))

  const random = () => {
    const high = next() >>> 5
    return (high * 0x4000000 + (next() >>> 6)) / 0x20000000000000
  }

  const getrandbits = (bits: number) => {
    let value = 0n
    for (let at = 0; at < bits; at += 32) {
      const word = next() >>> Math.max(0, 32 - (bits - at))
      value |= BigInt(word) << BigInt(at)
    }
    return value
  }

  /** An integer of at most 53 random bits. */
  const smallBits = (bits: number) => {
    if (bits <= 32) return next() >>> (32 - bits)
    const low = next() >>> 0
    return (next() >>> (64 - bits)) * 2 ** 32 + low
  }

  const randrange = (stop: number) => {
    if (!Number.isSafeInteger(stop) || stop < 1) {
      throw new StemkitError('bad-input', `a draw below ${stop}: the bound must be a positive integer`)
    }
    const bits = bitLength(stop)
    let value = smallBits(bits)
    while (value >= stop) value = smallBits(bits)
    return value
  }

  const sampleRange = (n: number, k: number) => {
    if (!(k >= 0 && k <= n)) {
      throw new StemkitError('bad-input', `a sample of ${k} from ${n}: it cannot be larger than what it is drawn from`)
    }
    return n <= poolLimit(k) ? sampleFromPool(randrange, n, k) : sampleWithSet(randrange, n, k)
  }

  return {
    random,
    getrandbits,
    randrange,
    randint: (first, last) => first + randrange(last - first + 1),
    choice: (items) => items[randrange(items.length)]!,
    choices(items, k) {
      // A plain loop: a bootstrap draws hundreds of millions.
      const { length } = items
      const drawn = items.slice(0, 0)
      for (let i = 0; i < k; i++) drawn.push(items[Math.floor(random() * length)]!)
      return drawn
    },
    sample: (items, k) => sampleRange(items.length, k).map((i) => items[i]!),
    sampleRange,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = randrange(i + 1)
        ;[items[i], items[j]] = [items[j], items[i]]
      }
    },
  }
}

/** The seed's absolute value in 32-bit words, low ones first. */
function wordsOf(seed: bigint): number[] {
  const words: number[] = []
  let rest = seed < 0n ? -seed : seed
  do {
    words.push(Number(rest & 0xffffffffn))
    rest >>= 32n
  } while (rest > 0n)
  return words
}

const bitLength = (n: number) => (n < 2 ** 32 ? 32 - Math.clz32(n) : 64 - Math.clz32(Math.floor(n / 2 ** 32)))

/** Up to this size CPython draws from a list of all items, above it from a set of those already drawn; the draws differ. */
function poolLimit(k: number): number {
  let limit = 21
  if (k > 5) {
    let power = 4
    while (power < k * 3) power *= 4
    limit += power
  }
  return limit
}

function sampleFromPool(randrange: (stop: number) => number, n: number, k: number): number[] {
  const pool = Array.from({ length: n }, (_, i) => i)
  return Array.from({ length: k }, (_, i) => {
    const j = randrange(n - i)
    const drawn = pool[j]!
    pool[j] = pool[n - i - 1]!
    return drawn
  })
}

function sampleWithSet(randrange: (stop: number) => number, n: number, k: number): number[] {
  const drawn = new Set<number>()
  while (drawn.size < k) drawn.add(randrange(n))
  return [...drawn]
}
