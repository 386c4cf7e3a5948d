import type { Engine } from '@stemkit/compile'
import { StemkitError } from '@stemkit/spec/errors'
import { BUDGET, normalizeRows, partsOf, readBlock, rowsAsked, rowsWithin, type ReadTablesOptions } from './blocks.ts'
import { cosineSummarizer, type CosineSummarizer, type CosineSummary } from './cosine-summary.ts'
import { randomPair, seededRandom } from './random.ts'
import { rowProducts } from './row-products.ts'
import type { Tables } from './tables.ts'

/** The angles between the rows of one table. */
export interface LayerSpread extends CosineSummary {
  readonly layer: number
}

export interface AngularSpreadOptions extends ReadTablesOptions {
  /** Computes the products of `pairs: 'all'`. */
  readonly engine: Engine
  /**
   * So many pairs of different rows, drawn with equal chances and with replacement, their cosines in 64-bit floats; or `all`
   * of them, by products of blocks on the engine.
   */
  readonly pairs: number | 'all'
  /** Of the draw: the same seed and ids give the same pairs, whatever the tables. Default 0. */
  readonly seed?: number | undefined
}

/**
 * The distribution of the cosines between rows, per table. Rows are read in blocks, so tables need not fit in memory; with
 * `all`, a table is read once for each of its blocks.
 * @throws bad-input for fewer than two rows or a number of pairs that makes no sense; diverged for numbers that are none
 */
export async function angularSpread(tables: Tables, options: AngularSpreadOptions): Promise<LayerSpread[]> {
  const { pairs } = options
  if (pairs !== 'all' && !(Number.isInteger(pairs) && pairs > 0)) {
    throw new StemkitError('bad-input', `inspect: pairs is ${pairs}, but must be 'all' or a whole number above 0`)
  }
  const ids = rowsAsked(tables, options.ids, 2)
  const layers = tables.layers.map(cosineSummarizer)
  if (pairs === 'all') await addAll(tables, ids, layers, options)
  else await addSampled(tables, ids, layers, { ...options, pairs })
  return layers.map((summarizer, t) => ({ layer: tables.layers[t]!, ...summarizer.summary() }))
}

async function addSampled(
  tables: Tables,
  ids: Uint32Array,
  layers: readonly CosineSummarizer[],
  { pairs, seed = 0, budget = BUDGET, signal, onProgress }: AngularSpreadOptions & { readonly pairs: number },
): Promise<void> {
  const random = seededRandom(seed)
  const most = Math.max(1, Math.floor(rowsWithin(tables, budget) / 2))
  for (let done = 0; done < pairs;) {
    const drawn = Array.from({ length: Math.min(most, pairs - done) }, () => randomPair(random, ids.length))
    const used = Uint32Array.from(new Set(drawn.flat())).toSorted()
    const placeOf = new Map(Array.from(used, (place, at) => [place, at]))
    const block = await readBlock(
      tables,
      Uint32Array.from(used, (place) => ids[place]!),
      signal,
    )
    for (const [t, summarizer] of layers.entries()) {
      const { units, directed } = unitRows(block.table(t), tables.width)
      for (const [a, b] of drawn) {
        const [i, j] = [placeOf.get(a)!, placeOf.get(b)!]
        if (directed[i] && directed[j]) summarizer.add(dot(units, i, j, tables.width))
      }
    }
    done += drawn.length
    onProgress?.(done / pairs)
  }
}

/** Rows [n, w] scaled to length 1, in 64 bits. */
function unitRows(rows: Float32Array, width: number): { units: Float64Array; directed: boolean[] } {
  const units = Float64Array.from(rows)
  const directed = Array.from({ length: rows.length / width }, (_, i) => {
    const length = Math.sqrt(dot(units, i, i, width))
    if (!Number.isFinite(length)) {
      throw new StemkitError('diverged', 'inspect: a table has numbers that are not finite; check the weights')
    }
    for (let k = i * width; k < (i + 1) * width; k++) units[k]! /= length || 1
    return length > 0
  })
  return { units, directed }
}

function dot(rows: Float64Array, i: number, j: number, width: number): number {
  let sum = 0
  for (let k = 0; k < width; k++) sum += rows[i * width + k]! * rows[j * width + k]!
  return sum
}

/** Most rows of a block: the product of two blocks has the square of it. */
const BLOCK_ROWS = 1024

async function addAll(
  tables: Tables,
  ids: Uint32Array,
  layers: readonly CosineSummarizer[],
  { engine, budget = BUDGET, signal, onProgress }: AngularSpreadOptions,
): Promise<void> {
  const parts = partsOf(ids, Math.min(BLOCK_ROWS, rowsWithin(tables, budget / 2)))
  const read = async (part: Uint32Array) => {
    const block = await readBlock(tables, part, signal)
    return { ...block, directed: layers.map((_, t) => normalizeRows(block.table(t), tables.width)) }
  }
  const products = await rowProducts(engine, tables.width)
  try {
    let done = 0
    for (let i = 0; i < parts.length; i++) {
      const first = await read(parts[i]!)
      for (let j = i; j < parts.length; j++) {
        const second = j === i ? first : await read(parts[j]!)
        for (const [t, summarizer] of layers.entries()) {
          const cosines = await products.run(first.table(t), second.table(t), signal)
          const [rows, columns] = [first.directed[t]!, second.directed[t]!]
          for (const [a, directed] of rows.entries()) {
            if (!directed) continue
            for (let b = i === j ? a + 1 : 0; b < columns.length; b++) {
              if (columns[b]) summarizer.add(cosines[a * columns.length + b]!)
            }
          }
        }
        onProgress?.(++done / ((parts.length * (parts.length + 1)) / 2))
      }
    }
  } finally {
    await products.dispose()
  }
}
