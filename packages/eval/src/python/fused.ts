const SPLIT = 134217729
const double = new Float64Array(1)
const bits = new BigInt64Array(double.buffer)

/** `a * b + c` with one rounding, as the instruction computes it. Factors, product and sum stay well inside a double's range. */
export function fusedMultiplyAdd(a: number, b: number, c: number): number {
  // Boldo and Melquiond 2008: the product and the sums with their errors; the errors are added with rounding to odd.
  const product = a * b
  const aSplit = SPLIT * a
  const aHigh = aSplit - (aSplit - a)
  const aLow = a - aHigh
  const bSplit = SPLIT * b
  const bHigh = bSplit - (bSplit - b)
  const bLow = b - bHigh
  const productError = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)

  const low = c + productError
  const lowError = sumError(c, productError, low)
  const high = product + low
  const highError = sumError(product, low, high)
  return high + addToOdd(lowError, highError)
}

/** What the addition `a + b = sum` lost. */
function sumError(a: number, b: number, sum: number): number {
  const bPart = sum - a
  return a - (sum - bPart) + (b - bPart)
}

/** The sum, where it is not exact with its last bit set, so that a second rounding does not go wrong. */
function addToOdd(a: number, b: number): number {
  const sum = a + b
  const error = sumError(a, b, sum)
  if (error === 0) return sum
  double[0] = sum
  const pattern = bits[0] ?? 0n
  if ((pattern & 1n) === 0n) bits[0] = pattern + (error > 0 === sum > 0 ? 1n : -1n)
  return double[0]
}
