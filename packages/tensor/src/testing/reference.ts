/**
 * The ops in plain 64-bit loops, written from their definitions and not from the tensor code. Matrices are row-major
 * arrays; every function allocates its result.
 */

export type Numbers = ArrayLike<number>

const zeros = (length: number) => new Float64Array(length)

/** x [N, inner], w [outer, inner] -> x w^T [N, outer]. */
export function linear(x: Numbers, w: Numbers, inner: number): Float64Array {
  const N = x.length / inner
  const outer = w.length / inner
  const y = zeros(N * outer)
  for (let n = 0; n < N; n++) {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) y[n * outer + o]! += x[n * inner + i]! * w[o * inner + i]!
    }
  }
  return y
}

/** x [N, d], gain [d] -> [N, d]. */
export function rmsNorm(x: Numbers, gain: Numbers, eps: number): Float64Array {
  const d = gain.length
  const y = zeros(x.length)
  for (let start = 0; start < x.length; start += d) {
    let squares = 0
    for (let i = 0; i < d; i++) squares += x[start + i]! ** 2
    for (let i = 0; i < d; i++) y[start + i] = (gain[i]! * x[start + i]!) / Math.sqrt(squares / d + eps)
  }
  return y
}

/** x [N, heads*hd], positions [N] -> [N, heads*hd]. */
export function rope(x: Numbers, positions: Numbers, heads: number, hd: number, theta: number): Float64Array {
  const y = zeros(x.length)
  for (let n = 0; n < positions.length; n++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < hd; i += 2) {
        const angle = positions[n]! * theta ** (-i / hd)
        const at = (n * heads + h) * hd + i
        y[at] = x[at]! * Math.cos(angle) - x[at + 1]! * Math.sin(angle)
        y[at + 1] = x[at]! * Math.sin(angle) + x[at + 1]! * Math.cos(angle)
      }
    }
  }
  return y
}

export interface AttentionSizes {
  B: number
  T: number
  heads: number
  kvHeads: number
  hd: number
}

/** Causal attention; with `documents` [B, T] a position sees its own document only. q [B, T, heads*hd] -> the same. */
export function attention(
  q: Numbers,
  k: Numbers,
  v: Numbers,
  { B, T, heads, kvHeads, hd }: AttentionSizes,
  documents?: Numbers,
): Float64Array {
  const out = zeros(q.length)
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < heads; h++) {
      const g = Math.floor(h / (heads / kvHeads))
      const queryAt = (t: number) => ((b * T + t) * heads + h) * hd
      const keyAt = (t: number) => ((b * T + t) * kvHeads + g) * hd
      for (let t = 0; t < T; t++) {
        const seen: number[] = []
        for (let s = 0; s <= t; s++) {
          if (documents === undefined || documents[b * T + s] === documents[b * T + t]) seen.push(s)
        }
        const scores = seen.map((s) => {
          let dot = 0
          for (let i = 0; i < hd; i++) dot += q[queryAt(t) + i]! * k[keyAt(s) + i]!
          return dot / Math.sqrt(hd)
        })
        const highest = Math.max(...scores)
        const weights = scores.map((score) => Math.exp(score - highest))
        const total = weights.reduce((sum, weight) => sum + weight, 0)
        seen.forEach((s, j) => {
          for (let i = 0; i < hd; i++) out[queryAt(t) + i]! += (weights[j]! / total) * v[keyAt(s) + i]!
        })
      }
    }
  }
  return out
}

/** silu(gate) * up. */
export function siluMul(gate: Numbers, up: Numbers): Float64Array {
  return Float64Array.from({ length: gate.length }, (_, i) => (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!)
}

/** rows [U, w], indices [N] -> [N, w]. */
export function gatherRows(rows: Numbers, indices: Numbers, w: number): Float64Array {
  return Float64Array.from({ length: indices.length * w }, (_, i) => rows[indices[Math.floor(i / w)]! * w + (i % w)]!)
}

/** logits [N, V], targets [N] -> [N], in nats. */
export function crossEntropy(logits: Numbers, targets: Numbers): Float64Array {
  const V = logits.length / targets.length
  return Float64Array.from({ length: targets.length }, (_, n) => {
    let highest = -Infinity
    for (let v = 0; v < V; v++) highest = Math.max(highest, logits[n * V + v]!)
    let total = 0
    for (let v = 0; v < V; v++) total += Math.exp(logits[n * V + v]! - highest)
    return Math.log(total) + highest - logits[n * V + targets[n]!]!
  })
}

/** a + b, elementwise. */
export function plus(a: Numbers, b: Numbers): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i]! + b[i]!)
}
