/** `sum(values)` of floats in Python 3.11 and before: from left to right, each addition rounded. */
export const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}
