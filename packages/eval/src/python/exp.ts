import { fusedMultiplyAdd as fma } from './fused.ts'
import { rootsOfTwo } from './roots-of-two.ts'

/** The interval between powers of two is cut into so many parts. */
const PARTS = 128
const PARTS_PER_LN2 = Math.LOG2E * PARTS
/** -ln 2 / PARTS in two pieces, the first with so few bits that its products are exact. */
const LN2_HIGH = -Number(0x162e42fefa0000n) / 2 ** 60
const LN2_LOW = -Number(0x1cf79abc9e3b39n) / 2 ** 99
/** exp(r) = 1 + r + r^2 (C2 + C3 r) + r^4 (C4 + C5 r), for |r| < ln 2 / 256. */
const C2 = Number(0x1ffffffffffdbdn) / 2 ** 54
const C3 = Number(0x1555555555543cn) / 2 ** 55
const C4 = Number(0x155555cf172b91n) / 2 ** 57
const C5 = Number(0x11111167a4d017n) / 2 ** 59
const ROUND = 6755399441055744

/**
 * `math.exp` to the last digit, as the C library of Linux computes it on a processor with fused multiply-add (glibc since 2.28, the
 * algorithm of Szabolcs Nagy): a table of 2^(i/128) and a polynomial. JavaScript's own differs in the last digit for one value in ten.
 */
export function exp(x: number): number {
  if (!(Math.abs(x) < 708)) return Math.exp(x)
  if (Math.abs(x) < 2 ** -54) return 1 + x
  return expOfSum(x, 0)
}

/** exp(x + rest), where `rest` is far smaller than `x` and the result is within a double's normal range. */
export function expOfSum(x: number, rest: number): number {
  const part = fma(PARTS_PER_LN2, x, ROUND) - ROUND
  const r = fma(part, LN2_LOW, fma(part, LN2_HIGH, x)) + rest
  const index = ((part % PARTS) + PARTS) % PARTS
  const { root = 1, tail = 0 } = roots()[index] ?? {}
  const square = r * r
  const lower = fma(square, fma(r, C3, C2), tail + r)
  const correction = fma(square * square, fma(r, C5, C4), lower)
  // Far below zero that library takes a path of its own, without the fused instruction.
  const mantissa = x > -512 ? fma(root, correction, root) : root + root * correction
  return mantissa * 2 ** ((part - index) / PARTS)
}

interface Root {
  /** 2^(i/128), rounded. */
  readonly root: number
  /** What it must be multiplied by, less 1, to be exact. */
  readonly tail: number
}

let table: Root[] | undefined

/** The powers 2^(i/128), from integers of 256 bits. */
function roots(): Root[] {
  table ??= rootsOfTwo(PARTS).map((power) => {
    const rounded = (power + (1n << 203n)) >> 204n
    const error = power - (rounded << 204n)
    return { root: Number(rounded) / 2 ** 52, tail: Number(error / rounded) / 2 ** 204 }
  })
  return table
}
