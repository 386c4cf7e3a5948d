import type { Engine } from '@stemkit/compile'
import { BUDGET, normalizeRows, partsOf, readBlock, rowsAsked, rowsWithin, type ReadTablesOptions } from './blocks.ts'
import { rowProducts } from './row-products.ts'
import type { Tables } from './tables.ts'

/** A row near another one. */
export interface Neighbour {
  readonly id: number
  readonly cosine: number
}

/** The nearest rows of one row, per table. */
export interface Neighbours {
  readonly id: number
  readonly layers: readonly {
    readonly layer: number
    /** Nearest first. Empty for a row of zeros, which has no direction. */
    readonly nearest: readonly Neighbour[]
  }[]
}

export interface NearestRowsOptions extends ReadTablesOptions {
  readonly engine: Engine
  /** The rows whose neighbours are wanted. */
  readonly of: Uint32Array
  /** How many neighbours. Default 10. */
  readonly count?: number | undefined
}

/**
 * The rows whose direction is nearest to that of each row `of`, per table and by cosine, itself left out. The tables are read
 * once, in blocks.
 * @throws bad-input for rows that are not there
 */
export async function nearestRows(tables: Tables, options: NearestRowsOptions): Promise<Neighbours[]> {
  const { engine, count = 10, budget = BUDGET, signal, onProgress } = options
  const { width, layers } = tables
  const queries = rowsAsked(tables, options.of)
  const asked = await readBlock(tables, queries, signal)
  const directed = layers.map((_, t) => normalizeRows(asked.table(t), width))
  const found = layers.map(() => Array.from(queries, (): Neighbour[] => []))
  const parts = partsOf(rowsAsked(tables, options.ids), Math.min(4096, rowsWithin(tables, budget)))
  const products = await rowProducts(engine, width)
  try {
    for (const [done, part] of parts.entries()) {
      const block = await readBlock(tables, part, signal)
      for (const [t, lists] of found.entries()) {
        const rows = block.table(t)
        const usable = normalizeRows(rows, width)
        const cosines = await products.run(asked.table(t), rows, signal)
        for (const [q, list] of lists.entries()) {
          if (!directed[t]![q]) continue
          for (const [i, id] of part.entries()) {
            if (usable[i] && id !== queries[q]) insert(list, { id, cosine: cosines[q * part.length + i]! }, count)
          }
        }
      }
      onProgress?.((done + 1) / parts.length)
    }
  } finally {
    await products.dispose()
  }
  // In the order in which they were asked for.
  return Array.from(options.of, (id) => {
    const q = queries.indexOf(id)
    return { id, layers: layers.map((layer, t) => ({ layer, nearest: found[t]![q]! })) }
  })
}

/** Puts a neighbour where it belongs in a list that is kept sorted and no longer than `count`. */
function insert(list: Neighbour[], neighbour: Neighbour, count: number): void {
  if (list.length === count && neighbour.cosine <= list.at(-1)!.cosine) return
  let at = list.length
  while (at > 0 && list[at - 1]!.cosine < neighbour.cosine) at--
  list.splice(at, 0, neighbour)
  if (list.length > count) list.pop()
}
