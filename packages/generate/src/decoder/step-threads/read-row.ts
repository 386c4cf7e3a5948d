import type { FrozenWeight } from '@stemkit/compile'
import { fromFloat16 } from '@stemkit/weights'

/** Row `row` of a matrix [N, K] as floats, into `to` [K]. */
export function readRow(weight: FrozenWeight, row: number, to: Float32Array): void {
  const K = to.length
  const start = row * K
  const { data } = weight
  if ('bits' in weight) {
    const { bits, block, scales } = weight
    for (let k = 0; k < K; k++) {
      const at = start + k
      const code = bits === 8 ? data[at]! - 128 : ((data[at >> 1]! >> (4 * (at & 1))) & 15) - 8
      to[k] = code * scales[Math.floor(at / block)]!
    }
  } else if (data instanceof Float32Array) {
    to.set(data.subarray(start, start + K))
  } else {
    for (let k = 0; k < K; k++) to[k] = fromFloat16(data[start + k]!)
  }
}
