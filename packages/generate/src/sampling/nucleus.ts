import { idsFrom } from './ids-from.ts'
import { decay, NEGLIGIBLE, scaleOf } from './softmax.ts'

const BUCKETS_PER_NAT = 64
/** How far below the largest weight the sum of those that are not looked at is, in nats: at first, and where that is not enough. */
const DEPTHS = [4, 7, Infinity]

interface Softmax {
  readonly largest: number
  readonly temperature: number
}

/**
 * The fewest ids whose weights e^((logit - largest) / temperature) reach `share` of the sum of all, ascending: the largest
 * first, of equal logits the lowest id. Weights that are small even together are looked at only where they decide.
 */
export function nucleus(logits: Float32Array, softmax: Softmax, share: number): ArrayLike<number> {
  for (const depth of DEPTHS) {
    const found = nucleusOfHead(logits, softmax, share, Math.min(depth + Math.log(logits.length), -NEGLIGIBLE))
    if (found) return found
  }
  return []
}

/**
 * As `nucleus`, where weights below e^-depth count as nothing or as that much each: undefined if this makes a difference.
 * A weight's bucket is how far below the largest it is. Sums of buckets tell which are in as a whole, and which are out, but
 * for one, and only what is in that one is put in order.
 */
function nucleusOfHead(
  logits: Float32Array,
  { largest, temperature }: Softmax,
  share: number,
  depth: number,
): ArrayLike<number> | undefined {
  const scale = scaleOf(temperature)
  const ids = idsFrom(logits, largest - depth * temperature)
  const sums = new Float64Array(Math.ceil(depth * BUCKETS_PER_NAT) + 2)
  for (let i = 0; i < ids.length; i++) {
    const x = (logits[ids[i]!]! - largest) * scale
    sums[(x * -BUCKETS_PER_NAT) | 0]! += decay(x)
  }
  const total = sums.reduce((all, sum) => all + sum, 0)
  const rest = depth >= -NEGLIGIBLE ? 0 : (logits.length - ids.length) * decay(-depth)
  const wanted = share * total
  let edge = 0
  let reached = 0
  for (; edge < sums.length - 1 && reached + sums[edge]! < wanted; edge++) reached += sums[edge]!

  // Buckets are a power of two wide, so that these bounds are exact.
  const isInner = -edge / BUCKETS_PER_NAT
  const isAtEdge = -(edge + 1) / BUCKETS_PER_NAT
  const inner: number[] = []
  const atEdge: number[] = []
  for (let i = 0; i < ids.length; i++) {
    const x = (logits[ids[i]!]! - largest) * scale
    if (!(x > isAtEdge)) continue
    if (x > isInner) inner.push(ids[i]!)
    else atEdge.push(ids[i]!)
  }
  const ordered = atEdge.toSorted((a, b) => logits[b]! - logits[a]! || a - b)
  let taken = 0
  for (; taken < ordered.length && (reached < wanted || inner.length + taken === 0); taken++) {
    reached += decay((logits[ordered[taken]!]! - largest) * scale)
  }
  if (rest > 0 && reached < share * (total + rest)) return undefined
  const taking = ordered.slice(0, taken)
  return merge(
    inner,
    taking.toSorted((a, b) => a - b),
  )
}

/** Two ascending lists as one. */
function merge(a: readonly number[], b: readonly number[]): readonly number[] {
  if (b.length === 0) return a
  const merged: number[] = []
  let next = 0
  for (const id of a) {
    while (next < b.length && b[next]! < id) merged.push(b[next++]!)
    merged.push(id)
  }
  while (next < b.length) merged.push(b[next++]!)
  return merged
}
