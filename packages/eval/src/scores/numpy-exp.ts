import { fusedMultiplyAdd as fma } from '../python/fused.ts'
import { rootsOfTwo } from '../python/roots-of-two.ts'

const PARTS = 16
/** What of ln 2 a double cannot hold. */
const LN2_REST = Number(0x1abc9e3b39803fn) / 2 ** 108
/** exp(r) = 1 + r + r^2 (C2 + r (C3 + ...)), for r from 0 to ln 2 / 16. */
const C2 = Number(0x10000000002622n) / 2 ** 53
const C3 = Number(0x15555554b508a2n) / 2 ** 55
const C4 = Number(0x1555564bb4f5f0n) / 2 ** 57
const C5 = Number(0x11106603d97c00n) / 2 ** 59
const C6 = Number(0x172eb5ef0d213dn) / 2 ** 62

/**
 * `np.exp` of doubles to the last digit, as numpy computes it on a processor with AVX-512 (the vector library of Intel in it): a table of
 * 2^(i/16) and a polynomial. For one value in four its last digit is not that of `math.exp`.
 */
export function numpyExp(x: number): number {
  if (!(Math.abs(x) < 708)) return Math.exp(x)
  const part = floorOfProduct(x, Math.LOG2E * PARTS)
  const power = part / PARTS
  const r = fma(-power, LN2_REST, fma(-power, Math.LN2, x))
  const square = r * r
  const higher = fma(square, fma(r, C6, C5), fma(r, C4, C3))
  const polynomial = fma(square * r, higher, fma(square, C2, r))
  const whole = Math.floor(power)
  const root = roots()[part - whole * PARTS] ?? 1
  return fma(root, polynomial, root) * 2 ** whole
}

/** The floor of the exact product. */
function floorOfProduct(a: number, b: number): number {
  const product = a * b
  const floor = Math.floor(product)
  return floor === product && fma(a, b, -product) < 0 ? floor - 1 : floor
}

let table: number[] | undefined

/** 2^(i/16), rounded. */
function roots(): number[] {
  table ??= rootsOfTwo(PARTS).map((power) => Number((power + (1n << 203n)) >> 204n) / 2 ** 52)
  return table
}
