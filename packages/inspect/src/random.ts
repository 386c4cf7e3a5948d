/** Numbers in [0, 1) that depend on nothing but the seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Two different places below `count`, each pair as likely as any other. */
export function randomPair(random: () => number, count: number): readonly [number, number] {
  const a = Math.floor(random() * count)
  const b = Math.floor(random() * (count - 1))
  return [a, b < a ? b : b + 1]
}
