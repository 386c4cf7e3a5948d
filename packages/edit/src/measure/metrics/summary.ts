import { wilson, Z } from './wilson.ts'

/** The mean of some values and how sure it is. */
export interface Summary {
  readonly n: number
  readonly mean: number
  /** Of the mean: the standard deviation (of n - 1) over the root of n; NaN for one value. */
  readonly standardError: number
  /** 95%. */
  readonly low: number
  readonly high: number
}

/** The interval is the mean and 1.96 standard errors to either side. NaN for no values. */
export function summarize(values: readonly number[]): Summary {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)
  const standardError = n > 1 ? Math.sqrt(variance / n) : Number.NaN
  return { n, mean, standardError, low: mean - Z * standardError, high: mean + Z * standardError }
}

/**
 * Of values between 0 and 1. The interval is Wilson's (1927), which does not vanish where all values are 0 or all are 1; for
 * values in between it is too wide rather than too narrow.
 */
export function summarizeShares(values: readonly number[]): Summary {
  const { n, mean, standardError } = summarize(values)
  const { low, high } = wilson(mean, n)
  return { n, mean, standardError, low, high }
}

/** ROME's score: the harmonic mean of shares; 0 where one is. */
export const harmonicMean = (values: readonly number[]): number =>
  values.length / values.reduce((sum, value) => sum + 1 / value, 0)
