/** So many of some items, drawn without replacement by `seed`, in their own order. */
export function chooseCases<T>(items: readonly T[], limit: number | undefined, seed: number): readonly T[] {
  if (limit === undefined || limit >= items.length) return items
  const random = mulberry32(seed)
  const order = items.map((_, i) => i)
  for (let i = 0; i < limit; i++) {
    const j = i + Math.floor(random() * (order.length - i))
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
    .slice(0, limit)
    .toSorted((a, b) => a - b)
    .map((i) => items[i]!)
}

/** Numbers in [0, 1), the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
