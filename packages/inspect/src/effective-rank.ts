import type { Engine } from '@stemkit/compile'
import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { BUDGET, partsOf, readBlock, rowsAsked, rowsWithin, type ReadTablesOptions } from './blocks.ts'
import { columnProducts } from './row-products.ts'
import type { Tables } from './tables.ts'

/** In how many directions rows really lie; between 1 and the width. */
export interface Rank {
  /** (sum of s^2)^2 / sum of s^4, with s the singular values of the table: the participation ratio. */
  readonly participation: number
  /** exp of the entropy of s / sum(s): the effective rank of Roy and Vetterli (2007). Undefined beyond `maxWidth`. */
  readonly entropy: number | undefined
}

export interface LayerRank extends Rank {
  readonly layer: number
  /** The same after the mean row has been taken off every row. */
  readonly centred: Rank
}

export interface EffectiveRankOptions extends ReadTablesOptions {
  readonly engine: Engine
  /** Widest table whose singular values are computed: their time grows with its cube. Default 512. */
  readonly maxWidth?: number | undefined
}

/** What is below this share of the largest is rounding of the products, which are 32-bit. */
const NOISE = 2 ** -20

/** Bytes of Gram matrices at once; tables are read again for those that are left. */
const GRAM_BYTES = 512 * 2 ** 20

/**
 * The effective rank of each table, from the eigenvalues of its Gram matrix U^T U [w, w], which is summed over blocks of rows.
 * @throws bad-input for no rows; what the engine throws
 */
export async function effectiveRank(tables: Tables, options: EffectiveRankOptions): Promise<LayerRank[]> {
  const { engine, budget = BUDGET, signal, onProgress, maxWidth = 512 } = options
  const { width, layers } = tables
  const ids = rowsAsked(tables, options.ids)
  const parts = partsOf(ids, rowsWithin(tables, budget))
  const together = Math.max(1, Math.floor(GRAM_BYTES / (8 * width * width)))
  const products = await columnProducts(engine, width)
  const ranks: LayerRank[] = []
  try {
    for (let from = 0; from < layers.length; from += together) {
      const group = layers.slice(from, from + together)
      const grams = group.map(() => new Float64Array(width * width))
      const sums = group.map(() => new Float64Array(width))
      for (const [done, part] of parts.entries()) {
        const block = await readBlock(tables, part, signal)
        for (const [g, gram] of grams.entries()) {
          const rows = block.table(from + g)
          addTo(gram, await products.run(rows, signal))
          for (let i = 0; i < rows.length; i++) sums[g]![i % width]! += rows[i]!
        }
        onProgress?.((from + (group.length * (done + 1)) / parts.length) / layers.length)
      }
      for (const [g, gram] of grams.entries()) {
        signal?.throwIfAborted()
        const rank = rankOf(gram, width, maxWidth)
        takeOffMean(gram, sums[g]!, ids.length)
        ranks.push({ layer: group[g]!, ...rank, centred: rankOf(gram, width, maxWidth) })
      }
    }
  } finally {
    await products.dispose()
  }
  return ranks
}

function addTo(sum: Float64Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!
}

/** sum (x - m)(x - m)^T = sum x x^T - n m m^T. */
function takeOffMean(gram: Float64Array, sums: Float64Array, count: number): void {
  const width = sums.length
  for (let a = 0; a < width; a++) {
    for (let b = 0; b < width; b++) gram[a * width + b]! -= (sums[a]! * sums[b]!) / count
  }
}

function rankOf(gram: Float64Array, width: number, maxWidth: number): Rank {
  let [trace, squares] = [0, 0]
  for (let a = 0; a < width; a++) trace += gram[a * width + a]!
  for (const value of gram) squares += value * value
  const participation = squares === 0 ? 0 : trace ** 2 / squares
  return { participation, entropy: width <= maxWidth ? entropyRank(gram, width) : undefined }
}

function entropyRank(gram: Float64Array, width: number): number {
  const matrix = Matrix.from1DArray(width, width, gram)
  const eigenvalues = new EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues
  const largest = Math.max(...eigenvalues)
  if (!(largest > 0)) return 0
  const singular = eigenvalues.filter((value) => value > largest * NOISE).map(Math.sqrt)
  const total = singular.reduce((a, b) => a + b, 0)
  return Math.exp(-singular.reduce((sum, s) => sum + (s / total) * Math.log(s / total), 0))
}
