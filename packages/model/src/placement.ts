import { StemkitError } from '@stemkit/spec/errors'

/** Which layers differ from the dense ones: a named share of them, or their numbers. */
export type Placement = 'third' | 'half' | 'full' | readonly number[]

/**
 * Layer numbers of a placement, ascending. Layer 0 always stays dense: it has no context yet to gate a token's row with.
 *
 * - `third`: 1, 4, 7, ... (5 of 16 layers)
 * - `half`: 1, 3, 5, ... as in the example of the published code
 * - `full`: all but layer 0, the default of the published code
 * - a list of layer numbers is taken as it is (the published debug run has [2, 4, 6] of 8), layer 0 included
 *
 * @throws bad-input if a listed layer does not exist or is listed twice
 */
export function stemPlacement(placement: Placement, layers: number): number[] {
  if (typeof placement !== 'string') return listed(placement, layers)
  const strides: Record<string, number> = { third: 3, half: 2, full: 1 }
  const stride = strides[placement]
  if (stride === undefined) {
    throw new StemkitError('bad-input', `placement '${placement}' is none of third, half, full or a list of layers`)
  }
  const from1 = Array.from({ length: Math.max(0, layers - 1) }, (_, i) => i + 1)
  return from1.filter((layer) => (layer - 1) % stride === 0)
}

function listed(placement: readonly number[], layers: number): number[] {
  placement.forEach((layer, i) => {
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers) {
      throw new StemkitError('bad-input', `placement: layer ${layer} is not one of 0..${layers - 1}`)
    }
    if (placement.indexOf(layer) !== i) throw new StemkitError('bad-input', `placement: layer ${layer} is listed twice`)
  })
  return placement.toSorted((a, b) => a - b)
}
