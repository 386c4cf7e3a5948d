import type { RowBlock } from './row-block.ts'

/** Which rows of a block are fitted: F of them, in each of some tables. */
export interface FittedPlaces {
  /** By name, in the order of their layers. */
  readonly tables: readonly string[]
  /** Places in the block [F]. */
  readonly places: readonly number[]
}

type Block = Pick<RowBlock, 'tables' | 'width'>

/** The fitted rows, by table [F, w]. Copies. */
export function rowsAt({ tables: blocks, width }: Block, { tables, places }: FittedPlaces): Float32Array[] {
  return tables.map((name) => {
    const rows = new Float32Array(places.length * width)
    places.forEach((place, f) => rows.set(blocks[name]!.subarray(place * width, (place + 1) * width), f * width))
    return rows
  })
}

/** Puts rows back where `rowsAt` took them. */
export function putRows(
  { tables: blocks, width }: Block,
  { tables, places }: FittedPlaces,
  rows: readonly Float32Array[],
): void {
  tables.forEach((name, t) => {
    places.forEach((place, f) => blocks[name]!.set(rows[t]!.subarray(f * width, (f + 1) * width), place * width))
  })
}

/** How far rows are from where they began: mean over tables of |rows - start|^2 / |start|^2, with its gradients. */
export function distanceFrom(
  start: readonly Float32Array[],
): (rows: readonly Float32Array[]) => { value: number; gradients: Float32Array[] } {
  const norms = start.map((rows) => sumOfSquares(rows) || 1)
  return (rows) => {
    let value = 0
    const gradients = rows.map((table, t) => {
      const scale = 1 / (norms[t]! * rows.length)
      return table.map((x, i) => {
        const change = x - start[t]![i]!
        value += scale * change ** 2
        return 2 * scale * change
      })
    })
    return { value, gradients }
  }
}

export const sumOfSquares = (values: Float32Array): number => values.reduce((sum, value) => sum + value ** 2, 0)
