/** A share, and the interval that covers the true one in 95 of 100 cases. */
export interface Share {
  readonly share: number
  readonly low: number
  readonly high: number
  /** Independent trials. */
  readonly n: number
}

/** The normal quantile of 95% to both sides. */
export const Z = 1.959963984540054

/**
 * Wilson's score interval (1927) of a share observed in n trials; it stays within 0 and 1, and is right at both ends.
 * `share` may be a mean of shares within each trial: the interval is then too wide rather than too narrow.
 */
export function wilson(share: number, n: number): Share {
  if (n === 0) return { share: Number.NaN, low: 0, high: 1, n }
  const z2 = Z ** 2 / n
  const centre = (share + z2 / 2) / (1 + z2)
  const half = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n))
  return { share, low: Math.max(0, centre - half), high: Math.min(1, centre + half), n }
}
