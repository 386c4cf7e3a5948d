import { StemkitError } from '@stemkit/spec/errors'

/** How the values of a row are stored. `int8` has one float32 scale per row and layer: value = scale * integer. */
export type RowDtype = 'f32' | 'f16' | 'bf16' | 'int8'

/** What an optimiser keeps beside the values of a row: AdamW's two moments, or one sum of squares per row and layer. */
export type RowState = 'none' | 'adam' | 'row-adagrad'

/** What a row holds: L layers of w values, token-major, then the optimiser's state. */
export interface RowLayout {
  /** L */
  readonly layers: number
  /** w */
  readonly width: number
  readonly dtype: RowDtype
  readonly state: RowState
}

const VALUE_BYTES: Readonly<Record<RowDtype, number>> = { f32: 4, f16: 2, bf16: 2, int8: 1 }

/** Bytes of the values of a row [L, w], the scales of int8 [L] after them included. A multiple of 4. */
export function valueBytes({ layers, width, dtype }: RowLayout): number {
  const values = Math.ceil((layers * width * VALUE_BYTES[dtype]) / 4) * 4
  return values + (dtype === 'int8' ? 4 * layers : 0)
}

/** Bytes of the optimiser's state: `adam` m [L, w] then v [L, w], `row-adagrad` [L], all float32. */
export function stateBytes({ layers, width, state }: RowLayout): number {
  return { none: 0, adam: 8 * layers * width, 'row-adagrad': 4 * layers }[state]
}

/** Bytes of a row: values, then state. */
export const payloadBytes = (layout: RowLayout): number => valueBytes(layout) + stateBytes(layout)

/**
 * @throws bad-input naming what is impossible; unsupported for a row that is trained in less than float32, whose small
 *   updates would be rounded away
 */
export function checkLayout({ layers, width, dtype, state }: RowLayout): void {
  for (const [name, value] of Object.entries({ layers, width })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new StemkitError('bad-input', `row layout: ${name} is ${value}, it must be a whole number above 0`)
    }
  }
  if (!(dtype in VALUE_BYTES)) {
    throw new StemkitError(
      'bad-input',
      `row layout: dtype '${dtype}', known are ${Object.keys(VALUE_BYTES).join(', ')}`,
    )
  }
  if (!['none', 'adam', 'row-adagrad'].includes(state)) {
    throw new StemkitError('bad-input', `row layout: state '${state}', known are none, adam, row-adagrad`)
  }
  if (state !== 'none' && dtype !== 'f32') {
    throw new StemkitError(
      'unsupported',
      `row layout: rows of ${dtype} with optimiser state; train in f32, convert after`,
    )
  }
}
