/**
 * Indices of `values` from the largest value down, equal values by ascending index. A heap: the first k cost
 * O(n + k log n), so nobody sorts a vocabulary to keep forty tokens.
 */
export function* largestFirst(values: ArrayLike<number>): Generator<number, void> {
  let size = values.length
  const heap = Uint32Array.from({ length: size }, (_, i) => i)

  const before = (a: number, b: number): boolean => {
    const difference = values[a]! - values[b]!
    return difference > 0 || (difference === 0 && a < b)
  }
  const sink = (start: number): void => {
    const moved = heap[start]!
    let at = start
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, moved)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = moved
  }

  for (let i = (size >>> 1) - 1; i >= 0; i--) sink(i)
  while (size > 0) {
    yield heap[0]!
    heap[0] = heap[--size]!
    if (size > 0) sink(0)
  }
}
