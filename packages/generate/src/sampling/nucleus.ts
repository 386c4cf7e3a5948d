import { largestFirst } from './largest-first.ts'

const BUCKETS = 512

/**
 * The fewest ids whose weights reach `share` together, ascending: the largest first, of equal logits the lowest id.
 * Weights fall with the logits, and are at most 1. Their sums by order of magnitude tell all ids that are in and all that
 * are out, but for those of one order, and only these are put in order.
 */
export function nucleus(logits: Float32Array, weights: Float64Array, share: number): Uint32Array {
  const buckets = new Uint16Array(weights.length)
  const sums = new Float64Array(BUCKETS)
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id]!
    const bucket = bucketOf(weight)
    buckets[id] = bucket
    sums[bucket]! += weight
  }
  let edge = 0
  let reached = 0
  for (; edge < BUCKETS - 1 && reached + sums[edge]! < share; edge++) reached += sums[edge]!

  const kept: number[] = []
  const atEdge: number[] = []
  for (let id = 0; id < weights.length; id++) {
    if (buckets[id]! > edge) continue
    if (buckets[id] === edge) atEdge.push(id)
    else kept.push(id)
  }
  const inner = kept.length
  for (const i of largestFirst(atEdge.map((id) => logits[id]!))) {
    if (kept.length > 0 && reached >= share) break
    kept.push(atEdge[i]!)
    reached += weights[atEdge[i]!]!
  }
  const ids = Uint32Array.from(kept)
  return kept.length > inner ? ids.toSorted() : ids
}

/** Monotonic: fine near 1, where most of the sum is, and coarse below. */
const bucketOf = (weight: number): number => {
  const root = Math.sqrt(Math.sqrt(weight))
  return BUCKETS - 1 - ((root * (BUCKETS - 1)) | 0)
}
