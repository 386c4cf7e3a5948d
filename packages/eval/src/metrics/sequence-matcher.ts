/** Two texts are compared by code points, as Python compares strings. */
type Characters = readonly string[]

/**
 * `difflib.SequenceMatcher(None, a, b).ratio()`: twice the characters in matching blocks over all characters, 1 for two empty texts.
 * Blocks are found longest first, then left and right of it. In a second text of 200 characters or more, a character that makes up
 * more than a hundredth of it starts no block.
 */
export function sequenceRatio(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  const total = left.length + right.length
  return total === 0 ? 1 : (2 * matchedCharacters(left, right)) / total
}

function matchedCharacters(a: Characters, b: Characters): number {
  const positions = positionsOf(b)
  let matched = 0
  const open: [aStart: number, aEnd: number, bStart: number, bEnd: number][] = [[0, a.length, 0, b.length]]
  for (let part = open.pop(); part; part = open.pop()) {
    const [aStart, aEnd, bStart, bEnd] = part
    const { aAt, bAt, size } = longestMatch(a, b, positions, part)
    if (size === 0) continue
    matched += size
    if (aStart < aAt && bStart < bAt) open.push([aStart, aAt, bStart, bAt])
    if (aAt + size < aEnd && bAt + size < bEnd) open.push([aAt + size, aEnd, bAt + size, bEnd])
  }
  return matched
}

/** Where each character is that may start a block. */
function positionsOf(text: Characters): Map<string, number[]> {
  const positions = new Map<string, number[]>()
  text.forEach((character, i) => {
    const known = positions.get(character)
    if (known) known.push(i)
    else positions.set(character, [i])
  })
  if (text.length >= 200) {
    const most = Math.floor(text.length / 100) + 1
    for (const [character, all] of positions) if (all.length > most) positions.delete(character)
  }
  return positions
}

/** The longest block, of several the one that begins earliest in `a`, then in `b`. */
function longestMatch(
  a: Characters,
  b: Characters,
  positions: ReadonlyMap<string, readonly number[]>,
  [aStart, aEnd, bStart, bEnd]: readonly [number, number, number, number],
): { aAt: number; bAt: number; size: number } {
  let [aAt, bAt, size] = [aStart, bStart, 0]
  // Lengths of the blocks that end at the previous character of `a` and each position of `b`.
  let lengths = new Map<number, number>()
  for (let i = aStart; i < aEnd; i++) {
    const next = new Map<number, number>()
    for (const j of positions.get(a[i] ?? '') ?? []) {
      if (j < bStart) continue
      if (j >= bEnd) break
      const length = (lengths.get(j - 1) ?? 0) + 1
      next.set(j, length)
      if (length > size) [aAt, bAt, size] = [i - length + 1, j - length + 1, length]
    }
    lengths = next
  }
  // Characters that start no block may still lengthen one.
  while (aAt > aStart && bAt > bStart && a[aAt - 1] === b[bAt - 1]) {
    aAt--
    bAt--
    size++
  }
  while (aAt + size < aEnd && bAt + size < bEnd && a[aAt + size] === b[bAt + size]) size++
  return { aAt, bAt, size }
}
