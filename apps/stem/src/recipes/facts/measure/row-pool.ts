import type { RowValue } from '@stemkit/edit'

/** The rows of a model's tables [V, w] of several layers, and such as edits make from them. A row is named by a number. */
export interface RowPool {
  readonly layers: number
  readonly width: number
  /**
   * The name of the row that a token reads once the edit has given it `value` in some layers: a token's own where all layers
   * are those of one token.
   */
  nameOf(token: number, value: RowValue, layers: readonly number[]): number
  /** Writes one layer of a row [w] into `into` from `at` on. */
  copy(name: number, layer: number, into: Float32Array, at: number): void
}

/** Tables of equal shape [V, w], one for each layer. */
export function createRowPool(tables: readonly Float32Array[], width: number): RowPool {
  const rows = tables.length === 0 ? 0 : tables[0]!.length / width
  const names = new Map<string, number>()
  const made: Float32Array[] = []
  const own = (token: number, layer: number): Float32Array =>
    tables[layer]!.subarray(token * width, (token + 1) * width)

  const make = (token: number, { terms }: RowValue, layers: readonly number[]): Float32Array => {
    const row = new Float32Array(tables.length * width)
    for (let layer = 0; layer < tables.length; layer++) {
      const into = row.subarray(layer * width, (layer + 1) * width)
      if (!layers.includes(layer)) into.set(own(token, layer))
      else if (terms.length === 1 && terms[0]!.weight === 1) into.set(own(terms[0]!.token, layer))
      else {
        for (let i = 0; i < width; i++) {
          let sum = 0
          for (const term of terms) sum += term.weight * own(term.token, layer)[i]!
          into[i] = sum
        }
      }
    }
    return row
  }

  return {
    layers: tables.length,
    width,
    nameOf(token, value, layers) {
      const [only] = value.terms
      if (value.terms.length === 1 && only!.weight === 1 && layers.length === tables.length) return only!.token
      const key = JSON.stringify([layers.length === tables.length ? '' : [token, layers], value.terms])
      const known = names.get(key)
      if (known !== undefined) return known
      made.push(make(token, value, layers))
      names.set(key, rows + made.length - 1)
      return rows + made.length - 1
    },
    copy(name, layer, into, at) {
      into.set(name < rows ? own(name, layer) : made[name - rows]!.subarray(layer * width, (layer + 1) * width), at)
    },
  }
}
