import { BUDGET, partsOf, readBlock, rowsAsked, rowsWithin, type ReadTablesOptions } from '../blocks.ts'
import type { Tables } from '../tables.ts'

/** The mean row of each table [L, w], over the rows asked for, read in blocks. */
export async function meanRows(tables: Tables, options: ReadTablesOptions = {}): Promise<Float32Array> {
  const { budget = BUDGET, signal, onProgress } = options
  const { width, layers } = tables
  const ids = rowsAsked(tables, options.ids)
  const sums = new Float64Array(layers.length * width)
  const parts = partsOf(ids, rowsWithin(tables, budget))
  for (const [done, part] of parts.entries()) {
    const block = await readBlock(tables, part, signal)
    for (let t = 0; t < layers.length; t++) {
      const rows = block.table(t)
      for (let i = 0; i < rows.length; i++) sums[t * width + (i % width)]! += rows[i]!
    }
    onProgress?.((done + 1) / parts.length)
  }
  return Float32Array.from(sums, (sum) => sum / ids.length)
}
