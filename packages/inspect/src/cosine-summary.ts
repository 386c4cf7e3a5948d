/** Of the histogram, which spans -1 to 1. */
export const COSINE_BINS = 400

/** Cosines between rows, taken pair by pair. */
export interface CosineSummary {
  /** Pairs that were looked at. A row of zeros has no angle, and its pairs are not among them. */
  readonly pairs: number
  readonly mean: number
  /** Standard deviation. */
  readonly std: number
  /** Mean of the absolute values: 0 where all rows are orthogonal. */
  readonly meanAbsolute: number
  readonly min: number
  readonly max: number
  /** How many cosines fell into each of 400 equal bins from -1 to 1. */
  readonly histogram: readonly number[]
}

export interface CosineSummarizer {
  add(cosine: number): void
  summary(): CosineSummary
}

export function cosineSummarizer(): CosineSummarizer {
  const histogram = new Float64Array(COSINE_BINS)
  let [pairs, sum, squares, absolute, min, max] = [0, 0, 0, 0, 1, -1]
  return {
    add(value) {
      // Rounding may go beyond 1 by a bit.
      const cosine = Math.min(1, Math.max(-1, value))
      pairs++
      sum += cosine
      squares += cosine * cosine
      absolute += Math.abs(cosine)
      if (cosine < min) min = cosine
      if (cosine > max) max = cosine
      histogram[Math.min(COSINE_BINS - 1, Math.floor(((cosine + 1) / 2) * COSINE_BINS))]!++
    },
    summary() {
      const mean = sum / pairs
      return {
        pairs,
        mean,
        std: Math.sqrt(Math.max(0, squares / pairs - mean * mean)),
        meanAbsolute: absolute / pairs,
        min,
        max,
        histogram: Array.from(histogram),
      }
    },
  }
}
