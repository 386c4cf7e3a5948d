import { expOfSum } from './exp.ts'
import { fusedMultiplyAdd as fma } from './fused.ts'

const LN2_HIGH = Number(0x162e42fefa3800n) / 2 ** 53
const LN2_LOW = Number(0x1ef35793c76730n) / 2 ** 97
/** log(1 + r) - r = A0 r^2 + ..., scaled as they are used below. */
const A0 = -0.5
const A1 = (Number(0x1555555555556n) / 2 ** 50) * -2
const A2 = (Number(-0x10000000000006n) / 2 ** 54) * -2
const A3 = (Number(0x1999999959554en) / 2 ** 55) * 4
const A4 = (Number(-0x1555555529a47an) / 2 ** 55) * 4
const A5 = (Number(0x12495b9b4845e9n) / 2 ** 55) * -8
const A6 = (Number(-0x10002b8b263fc3n) / 2 ** 55) * -8
/** Where the interval of significands begins that the table covers: 0x1.69555p-1. */
const FIRST = 0x3fe69555_00000000n

const double = new Float64Array(1)
const bits = new BigInt64Array(double.buffer)

/**
 * `x ** 2` to the last digit, as CPython has it: the C library's `pow`, which for one value in a thousand is not the rounded product
 * (glibc since 2.28 on a processor with fused multiply-add). The variances of the harness are sums of these.
 */
export function square(x: number): number {
  const size = Math.abs(x)
  if (!(size > 1e-100 && size < 1e100)) return x * x
  const { value, rest } = log(size)
  return expOfSum(2 * value, 2 * rest)
}

/** The logarithm in two pieces, `value + rest`, good to about 68 bits. */
function log(x: number): { value: number; rest: number } {
  double[0] = x
  const pattern = bits[0] ?? 0n
  const offset = pattern - FIRST
  const { inverse, log: high, rest: low } = logarithms()[Number((offset >> 45n) & 127n)] ?? entry(64)
  const power = offset >> 52n
  bits[0] = pattern - (power << 52n)
  const k = Number(power)

  const r = fma(double[0], inverse, -1)
  const t1 = fma(k, LN2_HIGH, high)
  const t2 = t1 + r
  const low1 = fma(k, LN2_LOW, low)
  const low2 = t1 - t2 + r
  const ar = A0 * r
  const ar2 = r * ar
  const ar3 = r * ar2
  const sum = t2 + ar2
  const low3 = fma(ar, r, -ar2)
  const low4 = t2 - sum + ar2
  const polynomial = fma(ar2, fma(ar2, fma(r, A6, A5), fma(r, A4, A3)), fma(r, A2, A1))
  const rest = fma(ar3, polynomial, low1 + low2 + low3 + low4)
  const value = sum + rest
  return { value, rest: sum - value + rest }
}

interface Logarithm {
  /** 1 / c for a c near the middle of the interval; a multiple of 1/256. */
  readonly inverse: number
  /** log(c), rounded to a multiple of 2^-43, and what that leaves. */
  readonly log: number
  readonly rest: number
}

let table: Logarithm[] | undefined

function logarithms(): Logarithm[] {
  table ??= Array.from({ length: 128 }, (_, i) => entry(i))
  return table
}

function entry(i: number): Logarithm {
  bits[0] = FIRST + (BigInt(i) << 45n)
  const start = double[0] ?? 1
  bits[0] = FIRST + (BigInt(i + 1) << 45n)
  const centre = (start + (double[0] ?? 1)) / 2
  const parts = centre < 1 ? Math.round(128 / centre) * 2 : Math.round(256 / centre)
  const exact = -logOfFraction(BigInt(parts), 256n)
  const high = (exact + (1n << 156n)) >> 157n
  return { inverse: parts / 256, log: Number(high) / 2 ** 43, rest: Number(exact - (high << 157n)) / 2 ** 200 }
}

/** ln(a / b) times 2^200, for a / b near 1, from ln(a / b) = 2 artanh((a - b) / (a + b)). */
function logOfFraction(a: bigint, b: bigint): bigint {
  const ratio = ((a - b) << 220n) / (a + b)
  const ratioSquare = (ratio * ratio) >> 220n
  let sum = 0n
  for (let power = ratio, n = 1n; power !== 0n && power !== -1n; power = (power * ratioSquare) >> 220n, n += 2n) {
    sum += power / n
  }
  return (sum * 2n) >> 20n
}
