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
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id]!
    if (kept === ids.length) {
      if (value <= values[kept - 1]!) continue
    } else kept++
    let at = kept - 1
    for (; at > 0 && values[at - 1]! < value; at--) {
      values[at] = values[at - 1]!
      ids[at] = ids[at - 1]!
    }
    values[at] = value
    ids[at] = id
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
