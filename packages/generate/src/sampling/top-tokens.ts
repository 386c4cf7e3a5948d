import { largestFirst } from './largest-first.ts'

/** Up to so many an insertion into a sorted list is faster than a heap of the whole vocabulary. */
const SHORT = 128

/** The ids of the `count` largest logits, largest first, equal ones by ascending id. */
export function topTokens(logits: ArrayLike<number>, count: number): Uint32Array {
  if (count <= 0) return new Uint32Array(0)
  if (count > SHORT) return Uint32Array.from(first(count, largestFirst(logits)))
  const ids = new Uint32Array(Math.min(count, logits.length))
  const values = new Float64Array(ids.length)
  let kept = 0
  let least = -Infinity
  const fours = logits.length - 3
  for (let id = 0; id < logits.length; id++) {
    if (kept === ids.length) {
      while (
        id < fours &&
        logits[id]! <= least &&
        logits[id + 1]! <= least &&
        logits[id + 2]! <= least &&
        logits[id + 3]! <= least
      ) {
        id += 4
      }
      if (id === logits.length || logits[id]! <= least) continue
    } else kept++
    const value = logits[id]!
    let at = kept - 1
    for (; at > 0 && values[at - 1]! < value; at--) {
      values[at] = values[at - 1]!
      ids[at] = ids[at - 1]!
    }
    values[at] = value
    ids[at] = id
    least = values[kept - 1]!
  }
  return ids
}

function* first(count: number, values: Iterable<number>): Generator<number, void> {
  let taken = 0
  for (const value of values) {
    yield value
    if (++taken === count) return
  }
}
