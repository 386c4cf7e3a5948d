/** Largest absolute difference of two arrays; infinite where lengths differ or a number is not finite. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity
  let largest = 0
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!)
    // NaN compares false, so it has to be asked for.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference
  }
  return largest
}

/** Largest difference, relative to the largest expected entry. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let scale = 0
  for (let i = 0; i < expected.length; i++) scale = Math.max(scale, Math.abs(expected[i]!))
  return largestDifference(actual, expected) / (scale || 1)
}

export function sumAndNorm(data: ArrayLike<number>): { sum: number; l2: number } {
  let sum = 0
  let squares = 0
  for (let i = 0; i < data.length; i++) {
    sum += data[i]!
    squares += data[i]! ** 2
  }
  return { sum, l2: Math.sqrt(squares) }
}
