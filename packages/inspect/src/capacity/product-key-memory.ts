import type { ModelConfig } from '@stemkit/spec/model-config'

/** A product-key memory in place of a feed-forward (Lample et al., 2019, "Large Memory Layers with Product Keys"). */
export interface ProductKeyMemory {
  /** Keys of each half; there are subKeys^2 values. */
  readonly subKeys: number
  /** Values that each head reads for a token. */
  readonly selected: number
  readonly heads: number
  /** Width of a head's query, halves together. */
  readonly queryWidth: number
}

/**
 * The memory to compare with: as many numbers in values as a STEM layer has in its table, 4 heads and 32 values a head as
 * published, queries as wide as the published 512 at most.
 */
export function productKeyMemory(
  { vocabSize, ffnHidden, dim }: ModelConfig,
  given: Partial<ProductKeyMemory> = {},
): ProductKeyMemory {
  const subKeys = given.subKeys ?? Math.max(1, Math.round(Math.sqrt((vocabSize * ffnHidden) / dim)))
  return {
    subKeys,
    selected: Math.min(given.selected ?? 32, subKeys ** 2),
    heads: given.heads ?? 4,
    queryWidth: given.queryWidth ?? Math.min(512, dim),
  }
}

/** Numbers that every token uses: each head's query network [q, d] and its keys, 2 * subKeys of half a query's width. */
export const sharedParameters = ({ heads, queryWidth, subKeys }: ProductKeyMemory, dim: number): number =>
  heads * queryWidth * dim + heads * subKeys * queryWidth

/**
 * Distinct values that `tokens` tokens read, expected, if each head picks `selected` of the K values evenly and independently
 * of the others: K (1 - (1 - selected / K)^(heads * tokens)). The keys that a text picks depend on a trained model, and are
 * less even than that: it is an upper estimate.
 */
export function expectedValues({ subKeys, selected, heads }: ProductKeyMemory, tokens: number): number {
  const values = subKeys ** 2
  // 1 - (1 - x)^n without the loss of digits for small x.
  return selected === values ? values : -values * Math.expm1(heads * tokens * Math.log1p(-selected / values))
}
