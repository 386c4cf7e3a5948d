import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ngramEntropy } from './entropy.ts'
import { harmonicMean, summarize, summarizeShares } from './summary.ts'
import { tfidfSimilarity } from './tfidf.ts'

interface Expected {
  readonly mean: number
  readonly standardError: number
  readonly low: number
  readonly high: number
}

/** Recorded from NLTK, scikit-learn and SciPy by fixtures/metrics.py. */
const recorded = JSON.parse(readFileSync(new URL('../../../fixtures/metrics.json', import.meta.url), 'utf8')) as {
  readonly entropy: readonly { readonly text: string; readonly bits: number }[]
  readonly corpus: readonly string[]
  readonly similarity: readonly { readonly a: string; readonly b: string; readonly cosine: number }[]
  readonly summary: readonly (Expected & { readonly values: readonly number[] })[]
  readonly shares: readonly (Expected & { readonly values: readonly number[] })[]
  readonly harmonic: { readonly values: readonly number[]; readonly mean: number }
}

describe('as independent computations have it', () => {
  test.each(recorded.entropy)('the entropy of "$text"', ({ text, bits }) => {
    expect(ngramEntropy(text)).toBeCloseTo(bits, 12)
  })

  const similarity = tfidfSimilarity(recorded.corpus)
  test.each(recorded.similarity)('the likeness of "$a" and "$b"', ({ a, b, cosine }) => {
    expect(similarity(a, b)).toBeCloseTo(cosine, 12)
    expect(similarity(b, a)).toBeCloseTo(cosine, 12)
  })

  test.each(recorded.summary)('the mean of $values and its interval', ({ values, ...expected }) => {
    const { n, ...found } = summarize(values)
    expect(n).toBe(values.length)
    for (const key of ['mean', 'standardError', 'low', 'high'] as const)
      expect(found[key]).toBeCloseTo(expected[key], 9)
  })

  test.each(recorded.shares)('the share $values and its interval', ({ values, mean, low, high }) => {
    const found = summarizeShares(values)
    expect(found.mean).toBeCloseTo(mean, 12)
    expect(found.low).toBeCloseTo(low, 9)
    expect(found.high).toBeCloseTo(high, 9)
  })

  test('the harmonic mean', () => {
    expect(harmonicMean(recorded.harmonic.values)).toBeCloseTo(recorded.harmonic.mean, 12)
    expect(harmonicMean([0.5, 0])).toBe(0)
  })
})
