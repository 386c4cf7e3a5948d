import { toFloat32, unpackMatrix } from '@stemkit/weights'
import type { ModelWeight } from './model.ts'

/** A weight as float32; one that is float32 already is returned as it is. */
export function floatsOf(weight: ModelWeight): Float32Array {
  if ('bits' in weight) return unpackMatrix(weight)
  return weight.data instanceof Float32Array ? weight.data : widened(weight, weight.data)
}

/** Some numbers of a weight of 16 bits as float32. */
export function widened(weight: ModelWeight, { buffer, byteOffset, byteLength, length }: Uint16Array): Float32Array {
  const dtype = 'dtype' in weight ? 'BF16' : 'F16'
  return toFloat32({ dtype, shape: [length], data: new Uint8Array(buffer, byteOffset, byteLength) })
}
