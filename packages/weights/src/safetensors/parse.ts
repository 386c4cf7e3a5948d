import type { Tensor } from '../tensor.ts'
import { LENGTH_BYTES, parseHeader, parseHeaderLength, type ParseOptions } from './header.ts'

export interface Safetensors {
  readonly tensors: Map<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Reads a safetensors file that is in memory. The tensors are views into `bytes`; nothing is copied.
 * @throws corrupt, or unsupported for an unknown dtype: one line that names the tensor and what is wrong
 */
export function parseSafetensors(bytes: Uint8Array, options: ParseOptions = {}): Safetensors {
  const dataStart = LENGTH_BYTES + parseHeaderLength(bytes, bytes.byteLength, options)
  const { tensors, metadata } = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), bytes.byteLength)
  const views = Array.from(tensors, ([name, { dtype, shape, begin, end }]): [string, Tensor] => [
    name,
    { dtype, shape, data: bytes.subarray(begin, end) },
  ])
  return { tensors: new Map(views), metadata }
}
