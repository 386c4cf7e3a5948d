/** Position of the first largest value; one that is not a number counts as the largest, as in numpy. */
export function argmax(values: readonly number[]): number {
  let best = 0
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) return i
    if (value > (values[best] ?? -Infinity)) best = i
  }
  return best
}
